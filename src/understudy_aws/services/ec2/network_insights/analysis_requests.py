"""StartNetworkInsightsAnalysis and DeleteNetworkInsightsAnalysis (network-insights.md 14.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import parse as parse_arn
from understudy_aws.core.errors import ApiError
from understudy_aws.data import managed_policies
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new
from understudy_aws.services.ec2.network_insights.analyses import (
    NetworkInsightsAnalysis,
    described_analysis,
    find_analysis,
    network_insights_analyses,
    target_of_analysis,
)
from understudy_aws.services.ec2.network_insights.examination import examine
from understudy_aws.services.ec2.network_insights.findings import findings
from understudy_aws.services.ec2.network_insights.records import find_path, target_of_path

# Reachability Analyzer guide, "Quotas": of an account in a Region.
ANALYSES, CONCURRENT_ANALYSES = 10_000, 100
# The policy that AWS keeps for those who analyse, and the services that its guide says an analysis asks.
_POLICY = "AmazonVPCReachabilityAnalyzerFullAccessPolicy"
_ASKED = ("ec2:", "elasticloadbalancing:", "network-firewall:", "tiros:")
_FIRST_ASKED = "tiros:CreateQuery"
# Reachability Analyzer guide, "Troubleshooting".
_INSUFFICIENT = "The request failed due to insufficient permissions"
_LIMIT = "NetworkInsightsAnalysis.LimitExceeded"


def a_new_analysis(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of starting an analysis: it, its tags, and the path."""
    return [
        *a_new(call, params, "network-insights-analysis"),
        target_of_path(call, params["network_insights_path_id"]),
    ]


def an_analysis(call: Call, params: Params) -> Sequence[Target]:
    """Return the analysis that the request names."""
    return [target_of_analysis(call, params["network_insights_analysis_id"])]


@operation("ec2:StartNetworkInsightsAnalysis", on=a_new_analysis)
def start_network_insights_analysis(
    call: Call,
    *,
    network_insights_path_id: str,
    client_token: str,  # noqa: ARG001 - the pipeline answers a repeated one
    additional_accounts: list[str] | None = None,
    filter_in_arns: list[str] | None = None,
    filter_out_arns: list[str] | None = None,
    tag_specifications: TagSpecifications = None,
) -> Answer:
    """Analyse a path: whether it is reachable, by which components, or else why not."""
    refuse(additional_accounts=additional_accounts)
    tags = tags_for("network-insights-analysis", tag_specifications)
    path = find_path(call, network_insights_path_id)
    through = _ids_in("FilterInArns", filter_in_arns)
    around = _ids_in("FilterOutArns", filter_out_arns)
    for arn in through.keys() & around.keys():
        raise errors.invalid_value(arn, "FilterOutArns", "It is among FilterInArns too.")
    _check_quotas(call)
    call.require(_FIRST_ASKED, Target("*"))
    id = call.ids.ec2("nia")
    analysis = NetworkInsightsAnalysis(
        account=call.account,
        region=call.region,
        id=id,
        path=path.id,
        started=call.at,
        ready=call.at + timedelta(seconds=call.latency.network_analysis_seconds(id)),
        through=tuple(through),
        around=tuple(around),
        tags=tags,
    )
    if not _may_look(call):
        analysis = msgspec.structs.replace(analysis, failed=_INSUFFICIENT)
    else:
        examined = examine(
            call.tx, path, call.at, through=list(through.values()), around=list(around.values())
        )
        found = msgspec.json.encode(findings(call.tx, path, examined)).decode()
        analysis = msgspec.structs.replace(analysis, found=examined.found, findings=found)
    network_insights_analyses.put(call.tx, analysis)
    return {"NetworkInsightsAnalysis": described_analysis(analysis, call.at)}


@operation("ec2:DeleteNetworkInsightsAnalysis", on=an_analysis)
def delete_network_insights_analysis(call: Call, *, network_insights_analysis_id: str) -> Answer:
    """Delete an analysis."""
    analysis = find_analysis(call, network_insights_analysis_id)
    network_insights_analyses.delete(call.tx, analysis)
    return {"NetworkInsightsAnalysisId": analysis.id}


def _ids_in(member: str, arns: list[str] | None) -> Mapping[str, str]:
    """Return ARNs with the ids that they end in. What they name need not exist (network-insights.md 14.2)."""
    found = {}
    for given in arns or ():
        arn = parse_arn(given)
        if arn is None:
            raise errors.invalid_value(given, member, "It is not an ARN.")
        found[given] = arn.resource.rpartition("/")[2]
    return found


def _check_quotas(call: Call) -> None:
    place = call.account, call.region
    if network_insights_analyses.count(call.tx, *place) >= ANALYSES:
        raise errors.limit(_LIMIT, "network insights analyses")
    running = network_insights_analyses.count_in_order(
        call.tx,
        "ready",
        first=(*place, call.at + timedelta(microseconds=1)),
        last=(call.account, f"{call.region}\0"),
    )
    if running >= CONCURRENT_ANALYSES:
        raise errors.limit(_LIMIT, "network insights analyses that run at once")


def _may_look(call: Call) -> bool:
    """Whether the caller may do all that an analysis does in its name; it stops at the first that it may not."""
    try:
        for action in _actions():
            call.require(action, Target("*"))
    except ApiError:
        return False
    return True


@cache
def _actions() -> Sequence[str]:
    """Return what an analysis does in its caller's name: what AWS's policy for it allows on everything."""
    policy = managed_policies.find(_POLICY)
    assert policy is not None, "AWS has it"
    statements = msgspec.json.decode(policy.document)["Statement"]
    return tuple(
        action
        for statement in statements
        if statement["Resource"] == "*"
        for action in statement["Action"]
        if action.startswith(_ASKED) and "NetworkInsights" not in action and action != _FIRST_ASKED
    )
