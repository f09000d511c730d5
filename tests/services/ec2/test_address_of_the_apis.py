"""The address at which AWS's APIs are on the internet side of VPCs is nobody's Elastic IP address."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from understudy_aws.dataplane.edge import API_ADDRESSES
from understudy_aws.services.ec2.api.cidrs import parse_address
from understudy_aws.services.ec2.elastic_ip_records import POOL, next_free


def test_it_cannot_be_asked_for(understudy):
    with pytest.raises(ClientError) as caught:
        understudy.client("ec2").allocate_address(Address=API_ADDRESSES[4])
    assert caught.value.response["Error"]["Code"] != "InternalFailure"


def test_the_search_for_a_free_address_passes_it_over(understudy):
    draw = parse_address(API_ADDRESSES[4]) - POOL.network
    with understudy.app.database.transaction() as tx:
        found = next_free(tx, draw)
    # The next one is that of App Runner's own network.
    assert parse_address(found) == parse_address(API_ADDRESSES[4]) + 2
