"""Terraform's AWS provider makes, reads, changes and removes App Runner's configurations and connections."""

from __future__ import annotations

import pytest
from terraform import Terraform, why_not

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

CHANGED = "-var=changed=true"


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terraform")
    made = Terraform("apprunner", folder, state=str(folder / "state"))
    yield made
    made.close()


def test_1_every_resource_is_made_and_read_back_as_it_was_asked_for(terraform):
    """Reference apprunner.md 2.4: statuses in the case that the provider waits for."""
    made = terraform.apply()
    assert {"latest": True, "revision": 1, "status": "active"} == {
        name: value for name, value in made["scaling"].items() if name != "arn"
    }
    assert "PENDING_HANDSHAKE" == made["connection"]
    assert not terraform.changes()


def test_2_what_cannot_change_is_made_again_and_the_default_moves_on(terraform):
    made = terraform.apply(CHANGED)
    assert 2 == made["scaling"]["revision"]
    assert not terraform.changes(CHANGED)


def test_3_a_handshake_is_seen(terraform):
    """Reference apprunner.md 2.5: the console's part is `understudy connection approve`."""
    terraform.understudy("connection", "approve", "source")
    assert "AVAILABLE" == terraform.apply(CHANGED)["connection"]
    assert not terraform.changes(CHANGED)


def test_4_after_the_destruction_nothing_is_left_but_what_aws_provides(terraform):
    terraform.destroy(CHANGED)
    apprunner = terraform.client("apprunner")
    (left,) = apprunner.list_auto_scaling_configurations(LatestOnly=False)[
        "AutoScalingConfigurationSummaryList"
    ]
    assert ("DefaultConfiguration", 1, True) == (
        left["AutoScalingConfigurationName"],
        left["AutoScalingConfigurationRevision"],
        left["IsDefault"],
    )
    tracing = apprunner.list_observability_configurations()["ObservabilityConfigurationSummaryList"]
    assert ["DefaultConfiguration"] == [each["ObservabilityConfigurationName"] for each in tracing]
    assert [] == apprunner.list_connections()["ConnectionSummaryList"]
