"""Analyses of reachability paths: the record and DescribeNetworkInsightsAnalyses (network-insights.md 14.2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.filters import FilterTable, yes_or_no
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import resource_tags, unknown
from understudy_aws.services.ec2.network_insights.records import find_path
from understudy_aws.store.tables import Record, Table, memoized

RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"
# AWS deletes them then (Reachability Analyzer guide, "Considerations").
KEPT_FOR = timedelta(days=120)
_read = msgspec.json.Decoder(dict[str, Any]).decode


class NetworkInsightsAnalysis(Record, frozen=True, kw_only=True):
    """An analysis of a path. It runs until `ready`; what it then says was found when it was started.

    `findings` is JSON of the members that say it. One that `failed` says why, and nothing else.
    """

    account: str
    region: str
    id: str
    path: str
    started: datetime
    ready: datetime
    found: bool = False
    findings: str = "{}"
    failed: str = ""
    through: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    tags: dict[str, str] = {}


network_insights_analyses = Table(
    "ec2/network-insights-analysis",
    NetworkInsightsAnalysis,
    key=lambda analysis: (analysis.account, analysis.region, analysis.id),
    indexes={"path": lambda analysis: (analysis.path,)},
    ordered={
        "started": lambda analysis: analysis.started,
        "ready": lambda analysis: (analysis.account, analysis.region, analysis.ready),
    },
)

# A path stays until its analyses are deleted (network-insights.md 14.2).
ANALYSIS_REFERENCES: References = (
    Reference("analyses", lambda analysis: (analysis.path,), index="path", holds=True),
)

old_network_insights_analyses = Expiry(
    "old analyses of network paths", network_insights_analyses, "started", kept_for=KEPT_FOR
)


def status_of(analysis: NetworkInsightsAnalysis, now: datetime) -> str:
    """Return the status of an analysis at a time."""
    if now < analysis.ready:
        return RUNNING
    return FAILED if analysis.failed else SUCCEEDED


def _filters(now: datetime) -> FilterTable:
    def found(analysis: NetworkInsightsAnalysis) -> Iterable[str]:
        return yes_or_no(analysis.found) if status_of(analysis, now) == SUCCEEDED else ()

    return {"path-found": found, "status": lambda analysis: (status_of(analysis, now),)}


@operation("ec2:DescribeNetworkInsightsAnalyses", on=all_resources)
def describe_network_insights_analyses(
    call: Call,
    *,
    network_insights_analysis_ids: list[str] | None = None,
    network_insights_path_id: str | None = None,
    analysis_start_time: datetime | None = None,
    analysis_end_time: datetime | None = None,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the account's analyses in the Region: those with an id, those of a path, or all."""
    among: Iterable[NetworkInsightsAnalysis] | None = None
    if network_insights_path_id is not None:
        path = find_path(call, network_insights_path_id)
        among = sorted(
            network_insights_analyses.where(call.tx, "path", path.id), key=network_insights_analyses.key
        )
    if analysis_start_time is not None or analysis_end_time is not None:
        if among is None:
            among = network_insights_analyses.scan(call.tx, call.account, call.region)
        among = [
            each
            for each in among
            if (analysis_start_time is None or analysis_start_time <= each.started)
            and (analysis_end_time is None or each.ready <= analysis_end_time)
        ]
    found, token = select(
        call, network_insights_analyses, find_analysis, _filters(call.at), among=among,
        ids=network_insights_analysis_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="networkInsightsAnalysisIds", smallest=1,
    )  # fmt: skip
    return {
        "NetworkInsightsAnalyses": [described_analysis(each, call.at) for each in found],
        "NextToken": token,
    }


def find_analysis(call: Call, id: str) -> NetworkInsightsAnalysis:
    """Return the analysis of this id. Raises InvalidNetworkInsightsAnalysisId.NotFound."""
    found = network_insights_analyses.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("nia", id)
    return found


def described_analysis(analysis: NetworkInsightsAnalysis, now: datetime) -> Description:
    """Return an analysis as answers describe it."""
    status = status_of(analysis, now)
    shown: dict[str, Any] = {
        "NetworkInsightsAnalysisId": analysis.id,
        "NetworkInsightsAnalysisArn": analysis_arn(analysis),
        "NetworkInsightsPathId": analysis.path,
        "FilterInArns": list(analysis.through) or None,
        "FilterOutArns": list(analysis.around) or None,
        "StartDate": analysis.started,
        "Status": status,
        "Tags": tag_set(analysis.tags),
    }
    if status == FAILED:
        shown["StatusMessage"] = analysis.failed
    elif status == SUCCEEDED:
        shown |= {"NetworkPathFound": analysis.found, **_read(analysis.findings)}
    return Description(shown)


def analysis_arn(analysis: NetworkInsightsAnalysis) -> str:
    return ec2(analysis.region, analysis.account, f"network-insights-analysis/{analysis.id}")


@memoized
def analysis_target(analysis: NetworkInsightsAnalysis) -> Target:
    """Return an analysis' ARN and the condition keys that policies see of it."""
    return Target(analysis_arn(analysis), resource_tags(analysis.tags))


def target_of_analysis(call: Call, id: str) -> Target:
    """Return the target of an analysis, which need not exist."""
    found = network_insights_analyses.get(call.tx, call.account, call.region, id)
    return analysis_target(found) if found is not None else unknown(call, "network-insights-analysis", id)
