"""Each VPC has the time at 169.254.169.123 and fd00:ec2::123, as from the Amazon Time Sync Service (EC2 User Guide)."""

from __future__ import annotations

import struct
import time

import pytest
from networks import group, interface, vpc

from understudy_aws.dataplane.wanted import Network, NetworkAcl
from understudy_aws.node.time_service import answered

# Asks as a client of version 4, and prints the answer; "nothing" where none comes.
ASK = """
import socket, sys
address, source = sys.argv[1:3]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5); s.bind((source, 0)); s.connect((address, 123))
s.send(bytes([0x23]) + bytes(39) + b"question")
print(s.recv(100).hex())
"""
EPOCHS = 2_208_988_800


def test_a_client_is_told_the_time_by_its_own_version_and_others_nothing():
    question = bytes([0x1B, 0, 6, 0]) + bytes(36) + b"question"
    answer = answered(question, 1_700_000_000.25)
    assert answer is not None
    assert (len(answer), answer[0], answer[1], answer[24:32]) == (48, 0x1C, 3, b"question")
    for start in (16, 32, 40):
        seconds, fraction = struct.unpack_from(">II", answer, start)
        assert (seconds - EPOCHS, fraction) == (1_700_000_000, 1 << 30)
    # An answer is none, or two servers would go on for ever; and what is short or of another kind is none.
    for other in (answer, question[:47], b"", bytes([0x1E]) + question[1:]):
        assert answered(other, 0.0) is None
    assert len(answered(question + bytes(20), 4_300_000_000.0)) == 48, (
        "also when the seconds of NTP begin anew"
    )


@pytest.mark.parametrize(
    ("address", "source"), [("169.254.169.123", "10.0.1.10"), ("fd00:ec2::123", "2600:db8:0:1::10")]
)
def test_programs_get_the_time_of_the_machine_whatever_groups_and_acls_say(running, address, source):
    shut = NetworkAcl(id="acl-shut")
    made = vpc(
        "vpc-a",
        interface("app", "vpc-a-subnet-1", "10.0.1.10", "2600:db8:0:1::10"),
        groups=(group("sg-app", egress=()),),
        acls=(shut,), subnet_acls={1: "acl-shut"}, cidrs=("10.0.0.0/16", "2600:db8::/56"),
        subnet_cidrs6={1: ("2600:db8:0:1::/64",)},
    )  # fmt: skip
    running.want(Network(vpcs=(made,)))
    running.damage("vpc-a", "syscalls.unmount(str(holder.namespaces_directory(directory) / 'vpc-a'))")
    for _ in range(2):
        before = time.time()
        done = _asked(running, address, source)
        answer = bytes.fromhex(done)
        seconds, fraction = struct.unpack_from(">II", answer, 40)
        assert before <= seconds - EPOCHS + fraction / 2**32 <= time.time()
        assert answer[24:32] == b"question"
        running.kill()
        running.start_again()


def _asked(running, address: str, source: str) -> str:
    """Ask until there is an answer: the namespace of the router is made anew, or the node has just been started."""
    until = time.monotonic() + 30
    while not (said := running.python("eni-app", ASK, address, source).finish().stdout.strip()):
        assert time.monotonic() < until
    return said
