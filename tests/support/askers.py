"""Programs in a VPC that look names up, and networks for them."""

from __future__ import annotations

from msgspec.structs import replace
from networks import group, hosts, interface, vpc

from understudy_aws.dataplane.wanted import Dns, NetworkAcl, Vpc

# Asks questions, each of them `server name type protocol`, and says what comes back in a line.
ASK = """
import socket, sys, dns.message, dns.rcode
def ask(server, name, type, protocol):
    query = dns.message.make_query(name, type).to_wire()
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(float(sys.argv[1]))
    try:
        s.connect((server, 53))
        if protocol == "tcp":
            s.sendall(len(query).to_bytes(2) + query)
            file = s.makefile("rb"); wire = file.read(int.from_bytes(file.read(2)))
        else:
            s.send(query); wire = s.recv(65535)
    except TimeoutError: return "silent"
    except OSError: return "refused"
    answer = dns.message.from_wire(wire)
    found = sorted(each.to_text() for rrset in answer.answer for each in rrset)
    return " ".join([dns.rcode.to_text(answer.rcode()), *found])
for line in sys.stdin: print(ask(*line.split()), flush=True)
"""
CLOSED = NetworkAcl(id="acl-closed")


class Asker:
    """A program at an interface that asks."""

    def __init__(self, running, interface: str, timeout: float = 5.0) -> None:
        self._command = running.python(interface, ASK, str(timeout))

    def __call__(self, name: str, type: str = "A", server: str = "10.0.0.2", protocol: str = "udp") -> str:
        self.send(name, type, server, protocol)
        return self.receive()

    def send(self, name: str, type: str = "A", server: str = "10.0.0.2", protocol: str = "udp") -> None:
        self._command.process.stdin.write(f"{server} {name} {type} {protocol}\n")
        self._command.process.stdin.flush()

    def receive(self) -> str:
        said = self._command.line()
        return said or self._command.finish().stderr

    def close(self) -> None:
        self._command.process.kill()
        self._command.finish()


def names(*addresses: str, **more) -> Dns:
    return Dns(domains=("ec2.internal",), hosts={"ec2.internal": hosts(*addresses)}, **more)


def a_vpc(id: str, dns: Dns, *addresses: str, six: tuple[str, ...] = (), **more) -> Vpc:
    """A VPC whose groups and network ACLs let nothing through, and whose interfaces have names."""
    all_hosts = (*hosts(*addresses), *dns.hosts.get("ec2.internal", ()))
    if dns.support:
        dns = replace(dns, hosts={"ec2.internal": all_hosts})
    interfaces = [
        interface(f"{id}-{n}", f"{id}-subnet-1", address, *six) for n, address in enumerate(addresses)
    ]
    closed = {"acls": (CLOSED,), "subnet_acls": {1: CLOSED.id}}
    return replace(vpc(id, *interfaces, groups=(group("sg-app", egress=()),), **closed, **more), dns=dns)
