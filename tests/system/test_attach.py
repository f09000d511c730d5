"""`understudy attach` with the real `aws` command: programs in a VPC, and what security groups let through."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from nodes import refusal_for
from sites import UNDERSTUDY, Site, running_site

from understudy_aws.cli import attach
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.edge import API_ADDRESSES
from understudy_aws.dataplane.messages import Probe, Probed

REFUSED = refusal_for(None)
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")]

SERVE = """
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 5432)); s.listen()
print("listening", flush=True)
while True: s.accept()[0].sendall(b"the database")
"""


@pytest.fixture
def site(tmp_path):
    with running_site(tmp_path) as made:
        yield made


def two_groups(site: Site) -> tuple[str, str, str, str]:
    """Return two subnets of the default VPC and two groups without rules for packets in."""
    subnets = site.ec2("describe-subnets")["Subnets"]
    groups = [
        site.ec2("create-security-group", "--group-name", name, "--description", name, "--vpc-id", subnets[0]["VpcId"])
        for name in ("app", "db")
    ]  # fmt: skip
    return subnets[0]["SubnetId"], subnets[1]["SubnetId"], *(group["GroupId"] for group in groups)


def connector(site: Site, subnet: str, group: str) -> str:
    """Return the ARN of a VPC connector in a subnet, made when it is first asked for."""
    words = (sys.executable, "-m", "awscli", "apprunner", "--output", "json")
    known = json.loads(site.run(*words, "list-vpc-connectors").stdout)["VpcConnectors"]
    if known:
        return known[0]["VpcConnectorArn"]
    made = site.run(
        *words, "create-vpc-connector", "--vpc-connector-name", "web-vpc", "--subnets", subnet, "--security-groups", group
    )  # fmt: skip
    return json.loads(made.stdout)["VpcConnector"]["VpcConnectorArn"]


def test_a_database_is_reached_once_its_group_admits_the_other(site):
    first, second, app, db = two_groups(site)
    with site.attached("--subnet", second, "--group", db, "--", sys.executable, "-c", SERVE) as database:
        assert database.stdout.readline() == "listening\n", database.stderr.read()
        [interface] = site.interfaces()
        assert (interface["Status"], interface["Attachment"]["Status"]) == ("in-use", "attached")
        assert [group["GroupId"] for group in interface["Groups"]] == [db]
        address = interface["PrivateIpAddress"]

        assert site.fetch(first, app, address) == "dropped"
        refused = site.understudy("reach", connector(site, first, app), f"{address}:5432")
        assert refused.returncode == 1, refused
        assert f"x {db}" in refused.stdout
        assert "authorize-security-group-ingress" in refused.stdout
        rule = ("--group-id", db, "--protocol", "tcp", "--port", "5432", "--source-group", app)
        site.ec2("authorize-security-group-ingress", *rule)
        assert site.understudy("reach", connector(site, first, app), f"{address}:5432").returncode == 0
        assert site.fetch(first, app, address) == "the database"
        assert site.fetch(first, db, address) == "dropped", "of another group"
        site.ec2("revoke-security-group-ingress", *rule)
        assert site.fetch(first, app, address) == "dropped"

        refused = site.run(
            sys.executable, "-m", "awscli", "ec2", "delete-network-interface",
            "--network-interface-id", interface["NetworkInterfaceId"],
        )  # fmt: skip
        assert "is currently in use" in refused.stderr
        network = site.network()
        assert network["converged"]
        assert network["interfaces"] == [interface["NetworkInterfaceId"]]
    _until(lambda: site.interfaces() == [])
    _until(lambda: site.network() is None)


def test_an_isolated_program_has_the_vpc_and_none_of_the_users_files(site, tmp_path):
    """It is shown the directory where it starts, if that is a project's; its exit code and its end are as ever."""
    project, home = tmp_path / "project", Path(site.environment["HOME"])
    project.mkdir()
    (project / "main.py").write_text("print('project')")
    (home / "secret").write_text("secret")
    first, second, app, db = two_groups(site)
    look = f"cat main.py; cat {home}/secret; echo $HOME; touch main.py; echo own > ~/x && cat ~/x; exit 7"
    words = (*UNDERSTUDY, "attach", "--subnet", first, "--group", app, "--isolated", "--", "sh", "-c")
    done = subprocess.run(
        [*words, look], env=site.environment, cwd=project, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, "print('project')/tmp\nown\n"), done.stderr
    assert f"{home}/secret: No such file" in done.stderr
    assert "Read-only file system" in done.stderr
    done = subprocess.run(
        [*words, "pwd; ls"], env=site.environment, cwd=home, text=True, capture_output=True, check=False
    )
    assert "starts in /, for" in done.stderr
    assert "secret" not in done.stdout

    python = ("/usr/bin/python3", "-I", "-c", SERVE)
    with site.attached("--subnet", second, "--group", db, "--isolated", "--", *python) as database:
        assert database.stdout.readline() == "listening\n", database.stderr.read()
        [interface] = site.interfaces()
        rule = ("--group-id", db, "--protocol", "tcp", "--port", "5432", "--source-group", app)
        assert site.fetch(first, app, interface["PrivateIpAddress"]) == "dropped"
        site.ec2("authorize-security-group-ingress", *rule)
        assert site.fetch(first, app, interface["PrivateIpAddress"]) == "the database"
        database.send_signal(signal.SIGTERM)
        assert database.wait(20) == 128 + signal.SIGTERM
    both = site.understudy("attach", "--subnet", first, "--isolated", "--not-isolated", "--", "true")
    assert (both.returncode, "contraries" in both.stderr) == (2, True)


@pytest.mark.parametrize(
    ("here", "shown"),
    [
        ("/home/ann/project", True), ("/srv/project", True), ("/tmp/project", True), ("/home/ann", False),
        ("/home", False), ("/", False), ("/tmp", False), ("/var", False), ("/root", False), ("/etc", False),
        ("/run/user/1000/x", False),
    ],
)  # fmt: skip
def test_a_directory_that_has_more_than_a_project_is_not_shown(monkeypatch, here, shown):
    monkeypatch.setattr(Path, "cwd", lambda: Path(here))
    assert (here if shown else "") == attach.readable_directory({"HOME": "/home/ann"})


def test_an_interface_of_ones_own_stays_when_the_program_ends(site):
    first, _, app, _ = two_groups(site)
    made = site.ec2("create-network-interface", "--subnet-id", first, "--groups", app)["NetworkInterface"]
    id = made["NetworkInterfaceId"]
    done = site.understudy("attach", "--interface", id, "--", "cat", "/sys/class/net/eth0/address")
    assert (done.returncode, done.stdout.strip()) == (0, made["MacAddress"]), done.stderr
    assert f"{id} ({made['PrivateIpAddress']}) in {first}" in done.stderr
    [left] = site.interfaces()
    assert (left["Status"], "Attachment" in left) == ("available", False)
    with site.attached("--interface", id, "--", "sh", "-c", "echo up; exec sleep 100") as running:
        assert running.stdout.readline() == "up\n"
        second = site.understudy("attach", "--interface", id, "--", "true")
        assert (second.returncode, "is currently in use" in second.stderr) == (2, True), second.stderr


def test_programs_look_names_up_as_their_vpc_says(site):
    """By the C library: an interface made meanwhile is found at once, and is gone with its record (vpc-dns.md 19)."""
    first, _, app, _ = two_groups(site)
    look_up = (
        "import socket, sys\n"
        "for name in map(str.strip, sys.stdin):\n"
        "    try: print(socket.gethostbyname(name), flush=True)\n"
        "    except socket.gaierror: print('unknown', flush=True)\n"
    )
    process = subprocess.Popen(
        [*UNDERSTUDY, "attach", "--subnet", first, "--group", app, "--", sys.executable, "-c", look_up],
        env=site.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip

    def found(name: str) -> str:
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    try:
        assert found("nothing.eu-west-1.compute.internal") == "unknown"
        assert found("sts.eu-west-1.amazonaws.com") == API_ADDRESSES[4]
        made = site.ec2("create-network-interface", "--subnet-id", first)["NetworkInterface"]
        name = made["PrivateDnsName"]
        assert (found(name), found(name.partition(".")[0])) == (made["PrivateIpAddress"],) * 2
        site.ec2("delete-network-interface", "--network-interface-id", made["NetworkInterfaceId"])
        assert found(name) == "unknown"
    finally:
        process.kill()
        process.communicate()


def test_programs_and_their_network_outlive_the_server(site, tmp_path):
    first, second, app, db = two_groups(site)
    site.ec2("authorize-security-group-ingress", "--group-id", db, "--protocol", "-1", "--source-group", app)
    wait = ("--", "sh", "-c", "echo up; exec sleep 100")
    with (
        site.attached("--subnet", second, "--group", db, "--", sys.executable, "-c", SERVE) as database,
        site.attached("--subnet", first, "--group", app, *wait) as client,
    ):
        assert database.stdout.readline() == "listening\n", database.stderr.read()
        assert client.stdout.readline() == "up\n", client.stderr.read()
        ids = {each["Groups"][0]["GroupId"]: each for each in site.interfaces()}
        probe = Probe(ids[app]["NetworkInterfaceId"], ids[db]["PrivateIpAddress"], 5432)
        os.kill(site.server.process.pid, signal.SIGKILL)
        site.server.process.wait()
        with NodeClient(tmp_path / "state" / "node") as node:
            assert node.ask(probe) == Probed("connected")
            assert node.ask(replace(probe, port=5433)) == Probed("refused")
        assert (database.poll(), client.poll()) == (None, None)
        stopped = site.understudy("stop")
        assert "what ran in it, has ended" in stopped.stdout, stopped
        assert (database.wait(20), client.wait(20)) == (137, 137)
        with pytest.raises(NodeLostError):
            NodeClient(tmp_path / "state" / "node")


def test_reach_proves_what_the_records_say_by_a_real_packet(site):
    first, second, app, db = two_groups(site)
    wait = ("--", "sh", "-c", "echo up; exec sleep 100")
    with (
        site.attached("--subnet", second, "--group", db, "--", sys.executable, "-c", SERVE) as database,
        site.attached("--subnet", first, "--group", app, *wait) as client,
    ):
        assert (database.stdout.readline(), client.stdout.readline()) == ("listening\n", "up\n")
        ids = {each["Groups"][0]["GroupId"]: each for each in site.interfaces()}
        address = ids[db]["PrivateIpAddress"]

        def asked(port: int) -> tuple[int, bool, str]:
            done = site.understudy(
                "reach", "--json", "--probe", ids[app]["NetworkInterfaceId"], f"{address}:{port}"
            )
            answer = json.loads(done.stdout)
            [path] = answer["paths"]
            return done.returncode, answer["passes"], path["probe"]

        assert asked(5432) == (1, False, "silent")
        site.ec2(
            "authorize-security-group-ingress", "--group-id", db, "--protocol", "tcp",
            "--port", "5432-5433", "--source-group", app,
        )  # fmt: skip
        assert asked(5432) == (0, True, "connected")
        assert asked(5433) == (0, True, "refused"), "it arrives, and nothing listens"
        assert asked(5434) == (1, False, "silent")


def test_a_shell_has_an_interface_and_the_exit_code_is_its_own(site):
    first, _, app, _ = two_groups(site)
    made = site.ec2("create-network-interface", "--subnet-id", first, "--groups", app)["NetworkInterface"]
    for place in (("--interface", made["NetworkInterfaceId"]), ("--subnet", first, "--group", app)):
        done = subprocess.run(
            [*UNDERSTUDY, "shell", *place], input="cat /sys/class/net/eth0/address; ls /sys/class/net | wc -w; exit 7\n",
            env={**site.environment, "SHELL": "/bin/sh"}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        mac, links = done.stdout.split()
        assert (done.returncode, links) == (7, "2"), done.stderr
        assert (mac == made["MacAddress"]) == (place[0] == "--interface")
    assert [each["NetworkInterfaceId"] for each in site.interfaces()] == [made["NetworkInterfaceId"]]


def test_a_change_holds_when_it_is_answered(site):
    """By the instant clock the answer to AuthorizeSecurityGroupIngress comes when packets pass."""
    first, second, app, db = two_groups(site)
    wait = ("--", "sh", "-c", "echo up; exec sleep 100")
    with (
        site.attached("--subnet", second, "--group", db, *wait) as one,
        site.attached("--subnet", first, "--group", app, *wait) as other,
    ):
        assert (one.stdout.readline(), other.stdout.readline()) == ("up\n", "up\n")
        ids = {each["Groups"][0]["GroupId"]: each for each in site.interfaces()}
        probe = Probe(ids[app]["NetworkInterfaceId"], ids[db]["PrivateIpAddress"], 80, 0.3)
        with NodeClient(Path(site.environment["UNDERSTUDY_STATE"]) / "node") as node:
            for _ in range(3):
                for change, outcome in (("authorize", "refused"), ("revoke", "silent")):
                    site.ec2(
                        f"{change}-security-group-ingress", "--group-id", db, "--protocol", "tcp",
                        "--port", "80", "--source-group", app,
                    )  # fmt: skip
                    assert node.ask(probe) == Probed(outcome)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["--subnet", "subnet-0", "--", "true"],
            2,
            "There is no subnet subnet-0 here, in any account or Region.",
        ),
        (["--", "true"], 2, "one of the arguments --subnet --interface is required"),
        (["--subnet", "subnet-0"], 2, "Which program?"),
        (["--subnet", "subnet-0", "--", ""], 2, "The program's name is empty"),
        (
            ["--account", "999999999999", "--subnet", "subnet-0", "--", "true"],
            2,
            "no account 999999999999; there is",
        ),
        # It would run with other groups than were asked for.
        (
            ["--interface", "eni-0", "--group", "sg-0", "--", "true"],
            2,
            "eni-0 has its groups and its address already",
        ),
        (
            ["--interface", "eni-0", "--address", "10.0.0.9", "--", "true"],
            2,
            "eni-0 has its groups and its address",
        ),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(site, words, code, said):
    done = site.understudy("attach", *words)
    assert (done.returncode, said.lower() in done.stderr.lower()) == (code, True), done.stderr
    assert site.interfaces() == []


def test_the_exit_code_is_the_programs(site):
    first, _, app, _ = two_groups(site)
    place = ("--subnet", first, "--group", app, "--")
    assert site.understudy("attach", *place, "sh", "-c", "exit 7").returncode == 7
    assert site.understudy("attach", *place, "/nowhere/there").returncode == 127
    assert site.understudy("attach", *place, "sh", "-c", "kill -9 $$").returncode == 137
    assert site.interfaces() == []


def test_a_program_starts_where_it_was_called(site, tmp_path):
    """`psql -f schema.sql`, `python3 -m http.server` and `./serve` mean the files beside whoever calls."""
    first, _, app, _ = two_groups(site)
    (tmp_path / "page").write_text("from here")
    place = f"--subnet={first}", f"--group={app}", "--", "sh", "-c"
    asked = [*UNDERSTUDY, "attach", *place]
    done = subprocess.run(
        [*asked, "pwd; cat page"], cwd=tmp_path, env=site.environment, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout == f"{tmp_path}\nfrom here"
    # What is hidden from programs has no directories to start in.
    done = subprocess.run(
        [*asked, "pwd"], cwd=tmp_path / "state" / "node", env=site.environment, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert (done.stdout, "starts in /, for" in done.stderr) == ("/\n", True), done.stderr


def _until(condition, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except NodeLostError:
            pass
        assert time.monotonic() < until
        time.sleep(0.1)
