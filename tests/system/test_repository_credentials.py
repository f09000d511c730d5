"""A token in the URL of a repository: who may describe the service sees it, and nobody and nothing else."""

from __future__ import annotations

import json
import socket
import stat

import pytest
from nodes import refusal_for
from running_services import ServiceSite, until

from understudy_aws.admin.requests import ListServiceStates, ListStateChanges, ListTrail, Status
from understudy_aws.cli.service_scenario import missing_for_services

REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]
# In two halves, so that no command line of the tests has it.
TOKEN = "70ken-" + "a7-re57"


@pytest.fixture
def site(tmp_path):
    made = ServiceSite(tmp_path)
    try:
        yield made
    finally:
        made.end()


def test_a_token_in_a_url_is_told_to_nobody_but_who_describes_the_service(site, tmp_path):
    """AWS documents no URL that it refuses (CodeRepository: `Pattern: .*`)."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://mary:{TOKEN}@127.0.0.1:{bound.getsockname()[1]}/private.git"
        source = {
            "AuthenticationConfiguration": {"ConnectionArn": site.connection()},
            "CodeRepository": {
                "RepositoryUrl": url,
                "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
            },
        }
        arn = site.apprunner.create_service(ServiceName="site", SourceConfiguration=source)["Service"][
            "ServiceArn"
        ]
        # A refusal that repeats what was sent.
        with pytest.raises(site.apprunner.exceptions.ClientError):
            site.apprunner.create_service(
                ServiceName="other", SourceConfiguration={**source, "CodeRepository": {
                    **source["CodeRepository"], "RepositoryUrl": f"{url}\n", "SourceDirectory": "a"}},
            )  # fmt: skip
        service = site.settled(arn)
    assert service["Status"] == "CREATE_FAILED"
    assert "/private.git can't be read" in site.reason()
    assert service["SourceConfiguration"]["CodeRepository"]["RepositoryUrl"] == url

    cloudtrail, logs = site.client("cloudtrail"), site.client("logs")
    events = cloudtrail.lookup_events()["Events"]
    created = [json.loads(each["CloudTrailEvent"]) for each in events if each["EventName"] == "CreateService"]
    assert "http://***@127.0.0.1" in str(created)
    told = [
        events,
        *(
            site.ask(each)
            for each in (ListTrail(limit=1000), ListStateChanges(), ListServiceStates(), Status())
        ),
    ]
    told.append(site.apprunner.list_operations(ServiceArn=arn))
    groups = until(lambda: logs.describe_log_groups()["logGroups"])
    assert groups
    told += [logs.filter_log_events(logGroupName=each["logGroupName"])["events"] for each in groups]
    assert TOKEN not in str(told)

    kept = [each for each in tmp_path.rglob("*") if each.is_file() and TOKEN.encode() in each.read_bytes()]
    assert any(each.name.startswith("understudy.db") for each in kept)
    for each in kept:
        assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each
    site.apprunner.delete_service(ServiceArn=arn)
    site.settled(arn)
    site.server.process.terminate()
    assert TOKEN not in "".join(site.server.end(None)[1:])
    site.start()
