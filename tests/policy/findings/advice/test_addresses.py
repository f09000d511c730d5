"""Networks of IpAddress conditions."""

import json

import pytest


@pytest.mark.parametrize(
    ("code", "block"),
    [
        ("IMPROVE_IP_RANGE", '{"IpAddress": {"aws:SourceIp": «"203.0.113.7/24"»}}'),
        ("IMPROVE_IP_RANGE", '{"NotIpAddress": {"aws:VpcSourceIp": ["10.0.0.0/8", «"10.1.2.3/16"»]}}'),
        ("IMPROVE_IP_RANGE", '{"IpAddress": {"aws:SourceIp": «"2001:db8::1/32"»}}'),
        ("IMPROVE_IP_RANGE", '{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "203.0.113.7", "203.0.113.7/32"]}}'),
        ("IMPROVE_IP_RANGE", '{"IpAddress": {"aws:SourceIp": ["2001:db8::/32", "nowhere/8", "1.2.3.4/99", "fe80::1%a/8"]}}'),
        ("IMPROVE_IP_RANGE", '{"StringEquals": {"aws:PrincipalTag/net": "203.0.113.7/24"}}'),
        ("PRIVATE_IP_ADDRESS_SUBSET", '{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", «"10.0.0.0/8"»]}}'),
        ("PRIVATE_IP_ADDRESS_SUBSET", '{"IpAddress": {"aws:sourceip": [«"fd00::/8"», "2001:db8::/32"]}}'),
        ("PRIVATE_IP_ADDRESS_SUBSET", '{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"]}}'),
        ("PRIVATE_IP_ADDRESS_SUBSET", '{"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}}'),
        ("PRIVATE_IP_ADDRESS_SUBSET", '{"IpAddress": {"aws:VpcSourceIp": ["203.0.113.0/24", "10.0.0.0/8"]}}'),
        ("PRIVATE_IP_ADDRESS_SUBSET", '{"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "10.0.0.0/8"]}}'),
        ("PRIVATE_NOT_IP_ADDRESS_SUBSET", '{"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", «"172.16.5.0/24"»]}}'),
        ("PRIVATE_NOT_IP_ADDRESS_SUBSET", '{"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "172.32.0.0/16"]}}'),
        ("PRIVATE_NOT_IP_ADDRESS_SUBSET", '{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "172.16.5.0/24"]}}'),
    ],
)  # fmt: skip
def test_networks_are_pointed_at_when_they_mean_less_than_they_say(policies, code, block):
    expected, actual = policies.condition(code, block)
    assert expected == actual


@pytest.mark.parametrize(
    ("written", "network"),
    [("203.0.113.7/24", "203.0.113.0/24"), ("10.1.2.3/9", "10.0.0.0/9"), ("2001:db8::1/32", "2001:db8::/32")],
)
def test_the_network_without_the_bits_is_written_out(policies, written, network):
    condition = {"IpAddress": {"aws:SourceIp": written}}
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": condition}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert policies.only("IMPROVE_IP_RANGE", text).instead.startswith(f'Write "{network}"')
