"""Links take packets that are cut only where they leave, with the filters in between; all bytes arrive."""

from __future__ import annotations

import re

from networks import group, interface, rule, vpc

from understudy_aws.dataplane.wanted import Network

RECEIVE = """
import hashlib, socket
server = socket.create_server(("10.0.2.10", 80)); print("listens", flush=True)
taken, digest = server.accept()[0], hashlib.sha256()
while piece := taken.recv(1 << 20): digest.update(piece)
print(digest.hexdigest())
"""
SEND = """
import hashlib, random, socket
data = random.Random(7).randbytes(1 << 20) * 64
with socket.create_connection(("10.0.2.10", 80)) as out: out.sendall(data)
print(hashlib.sha256(data).hexdigest())
"""


def test_what_is_sent_in_large_packets_arrives_as_it_was(running):
    """64 MiB through two links, a router and two security groups, whose windows grow beyond what one packet took before."""
    running.want(
        Network(
            vpcs=(
                vpc(
                    "vpc-a",
                    interface("app", "vpc-a-subnet-1", "10.0.1.10"),
                    interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",)),
                    groups=(group("sg-app"), group("sg-db", rule())),
                ),
            )
        )
    )
    receiver = running.python("eni-db", RECEIVE)
    assert receiver.line() == "listens"
    sent = running.python("eni-app", SEND).finish(60).stdout
    assert receiver.finish(60).stdout == sent
    assert re.fullmatch(r"[0-9a-f]{64}\n", sent)
