"""A first packet is not late, though the neighbour it goes to did not hear the first question for it."""

from __future__ import annotations

import time

import pytest
from networks import group, interface, rule, vpc

from understudy_aws.dataplane.wanted import Network

V6 = {1: ("2600:db8:0:1::/64",), 2: ("2600:db8:0:2::/64",)}
# Takes the gateway's address away for a moment, as if it had come a little later.
LATE = """
import ipaddress, time
link = rt.found_link(routes.ask(rt.get_link("eeni-app")).body).index
gateway = ipaddress.ip_interface("{gateway}")
where = link if gateway.version == 6 else rt.LOOPBACK
request(rt.address(where, gateway, delete=True))
open({ready!r}, "w").close()
time.sleep(0.15)
try: request(rt.address(where, gateway))
except OSError: pass
"""


@pytest.mark.parametrize(
    ("gateway", "address"), [("fe80::1/64", "2600:db8:0:2::10"), ("10.0.1.1/32", "10.0.2.10")]
)
def test_a_neighbour_that_was_not_there_is_asked_again_soon(running, gateway, address):
    running.want(
        Network(
            vpcs=(
                vpc(
                    "vpc-a", interface("app", "vpc-a-subnet-1", "10.0.1.10", "2600:db8:0:1::10"),
                    interface("db", "vpc-a-subnet-2", "10.0.2.10", "2600:db8:0:2::10"),
                    groups=(group("sg-app", rule(), rule(cidr="::/0")),), cidrs=("10.0.0.0/16", "2600:db8::/56"),
                    subnet_cidrs6=V6,
                ),
            )
        )
    )  # fmt: skip
    ready = running.directory / "ready"
    late = running.start_damage("vpc-a", LATE.format(gateway=gateway, ready=str(ready)))
    while not ready.exists():
        assert late.poll() is None, "the gateway is gone before it ends"
        time.sleep(0.005)
    begun = time.monotonic()
    assert running.passes("eni-app", address)
    took = time.monotonic() - begun
    assert late.wait(10) == 0
    assert took < 0.8, "the kernel asks for a neighbour once a second"
