"""A service that runs in a namespace is reached from outside, and a private one from inside its VPC alone."""

from __future__ import annotations

import http.client
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pytest
from instances import SERVER, instance, until_healthy
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc

from understudy_aws.cli.certificates import certificates_in
from understudy_aws.controllers.certificate_authority import authority_in
from understudy_aws.dataplane.messages import Done, GetInstances, WantServices
from understudy_aws.dataplane.wanted import Endpoint, Network
from understudy_aws.dataplane.wanted_services import (
    DomainCertificate,
    Ingress,
    PrivateEntry,
    Service,
    Services,
)

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

PYTHON = "/usr/bin/python3"
if not Path(PYTHON).exists():
    pytest.skip(f"there is no {PYTHON}", allow_module_level=True)

HOST = "a1b2c3d4e5.us-east-1.awsapprunner.localhost"
PRIVATE = "f6g7h8i9j0.us-east-1.awsapprunner.com"
WEB = Service(arn="arn:aws:apprunner:us-east-1:111111111111:service/web/1", hosts=(HOST,), instances=("web",))
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("10.0.1.20", 80, timeout=5)
connection.request("GET", "/", headers={"Host": sys.argv[1]})
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""
# The authority's certificate is the second argument.
SECURELY = """
import socket, ssl, sys
context = ssl.create_default_context(cadata=sys.argv[2])
with socket.create_connection(("10.0.1.20", 443), 5) as sock, context.wrap_socket(sock, server_hostname=sys.argv[1]) as tls:
    tls.sendall(f"GET / HTTP/1.1\\r\\nHost: {sys.argv[1]}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    said = b"".join(iter(lambda: tls.recv(4096), b"")).decode()
    print(said.split()[1], "hello" in said)
"""
MOVED = ASK.replace("answer.read().decode()", "answer.headers['Location']")


def _network() -> Network:
    """An instance that no group lets anybody connect to, a client, and the interface of a VPC endpoint for requests."""
    parts = (
        interface("web", "vpc-1-subnet-1", "10.0.1.10", accepts_connections=False),
        interface("client", "vpc-1-subnet-1", "10.0.1.11"),
        interface("stranger", "vpc-1-subnet-1", "10.0.1.12", groups=("sg-other",)),
        interface("endpoint", "vpc-1-subnet-1", "10.0.1.20", groups=("sg-endpoint",)),
    )
    endpoint = group("sg-endpoint", rule(TCP, 80, group="sg-app"), rule(TCP, 443, group="sg-app"))
    made = vpc("vpc-1", *parts, groups=(group("sg-app"), group("sg-other"), endpoint))
    door = Endpoint(id="vpce-1", service="requests", interfaces=("eni-endpoint",))
    return Network(vpcs=(replace(made, endpoints=(door,)),))


def _want(running, service: Service, certificate: str = "", *of_domains: DomainCertificate) -> str:
    """Have a node run the service; returns where requests are taken."""
    wanted = Services(
        instances=(instance("web", PYTHON, "-c", SERVER, environment={"ANSWER": "hello"}),),
        services=(service,),
        ingress=Ingress(port=0, certificate=certificate),
        certificates=of_domains,
    )
    assert running.client.ask(WantServices(wanted)) == Done()
    until_healthy(running, "web")
    return running.client.ask(GetInstances()).ingress


def _asked(address: str, host: str = HOST) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*address.rsplit(":", 1), timeout=10)
    with_host = {"Host": f"{host}:{address.rpartition(':')[2]}"}
    try:
        connection.request("GET", "/", headers=with_host)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_service_is_reached_from_outside_also_after_the_node_was_killed(running):
    """The port is the same one, and the instance is neither asked to end nor started again."""
    running.want(_network())
    address = _want(running, WEB)
    assert _asked(address) == (200, "hello")
    assert _asked(address, "other")[0] == 404
    running.kill()
    with pytest.raises(ConnectionError):
        _asked(address)
    running.start_again()
    until = time.monotonic() + 20
    answer = None
    while answer != (200, "hello"):
        assert time.monotonic() < until, answer
        with suppress(ConnectionError):
            answer = _asked(address)
    answer = running.client.ask(GetInstances())
    assert (answer.ingress, answer.instances[0].starts) == (address, 1)
    assert dict(answer.loads[0].answered)[2] == 1


def test_a_private_service_is_reached_from_inside_its_vpc_alone(running):
    """By the endpoint's interface, whose groups apply (apprunner-services.md 2.6)."""
    running.want(_network())
    entry = PrivateEntry(host=PRIVATE, interfaces=("eni-endpoint",))
    address = _want(running, replace(WEB, hosts=(), private_entries=(entry,)))
    assert running.run("eni-client", PYTHON, "-c", ASK, PRIVATE).stdout == "200 hello\n"
    assert running.run("eni-client", PYTHON, "-c", ASK, HOST).stdout == "404 \n"
    assert _asked(address, PRIVATE)[0] == 404
    assert running.drops("eni-stranger", "10.0.1.20", 80)
    _want(running, WEB)
    assert running.run("eni-client", PYTHON, "-c", ASK, PRIVATE).stdout == "404 \n", (
        "of no connection any more"
    )


def test_where_there_is_tls_a_private_service_has_it_too_and_http_is_sent_there(running, tmp_path):
    """Reference apprunner-services.md 5.1: port 80 redirects to HTTPS, at an endpoint's interface by its own port."""
    made = certificates_in(tmp_path, "127.0.0.1")
    authority = authority_in((tmp_path / "authority.pem").read_text())
    chain, of_shop = (running.directory.parent / f"{name}.pem" for name in ("server", "shop"))
    chain.write_bytes(made.server.read_bytes())
    of_shop.write_text(authority.signed_for(["*.shop.test"]))
    for each in (chain, of_shop):
        each.chmod(0o644)
    running.want(_network())
    entries = tuple(
        PrivateEntry(host=host, interfaces=("eni-endpoint",)) for host in (PRIVATE, "*.shop.test")
    )
    certificate = DomainCertificate(names=("*.shop.test",), file=str(of_shop))
    address = _want(running, replace(WEB, private_entries=entries), str(chain), certificate)
    assert running.run("eni-client", PYTHON, "-c", MOVED, PRIVATE).stdout == f"301 https://{PRIVATE}/\n"
    for host in (PRIVATE, "a.shop.test"):
        said = running.run("eni-client", PYTHON, "-I", "-c", SECURELY, host, made.authority.read_text())
        assert (said.stdout, said.stderr) == ("200 True\n", "")
    status, _ = _asked(address)
    assert 301 == status
    assert running.drops("eni-stranger", "10.0.1.20", 443)
