"""Every service that is served here has a name that programs in a VPC find it by (vpc-dns.md 19.2)."""

from __future__ import annotations

import pytest

from understudy_aws.services import SERVICES
from understudy_aws.services.ec2.api_names import api_names


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_a_service_has_a_name_in_the_vpc(service):
    names = api_names(["us-east-1"])
    # The registry itself has the names without `api`.
    prefix = "api.ecr" if service.id == "ecr" else service.prefix
    assert {f"{prefix}.us-east-1.amazonaws.com", f"{prefix}.amazonaws.com"} & names.keys()
