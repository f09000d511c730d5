"""Kills server, node or holder while operations on a service go on, as a program: `dying_services.py PLACE STEP SEED KIND`.

A point is before each write to the store and each message by which the server has the node do something; what comes after
one is before the next. A service is created, updated, paused, resumed and deleted again and again, and of each operation another point is taken
each time: every STEPth. The seed says where that begins, and which victim is the first: with all seeds below three times STEP
each point has had each victim. At that point it is killed with signal 9. The service is made of KIND, `code` or `image`. When the server was, another one is started on the same state; otherwise it goes on. Then the service must be what was
asked for, and the machine must have what the records say: its instances, their processes and interfaces, their source
code or image, and nothing else.

One line of JSON says what was found wrong, by operation, point and victim, and how many points there were; servers are
forked, nodes are started as always.
"""

from __future__ import annotations

import gc
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from dying_nodes import holders_of
from images import web_image
from networking import make_network

from understudy_aws.admin.requests import SettleConnection
from understudy_aws.dataplane import launcher
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.linux.holder import find_holder
from understudy_aws.dataplane.messages import GetInstances, GetStatus, Instances, Status
from understudy_aws.dataplane.runtime.artifacts import Artifacts, safe_name
from understudy_aws.dataplane.runtime.process_trees import tree_of
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_records import (
    PAUSED,
    service_instances,
    service_versions,
    services,
)
from understudy_aws.services.iam.users import access_keys
from understudy_aws.testing import Credentials, Understudy

VICTIMS = ("server", "node", "holder")
_ROUNDS, _PAUSE, _PERIOD = 1500, 0.02, 0.2
# What the server only looks at.
_QUESTIONS = frozenset({"status", "instances", "output", "flows", "take-repairs", "get-task", "get-tasks"})
_APPLICATION = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["ANSWER"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Server(Understudy):
    """A server on the state, in this process."""

    def account_administrator(self, account: str) -> Credentials:
        with self.app.database.transaction() as tx:
            for key in access_keys.scan(tx):
                return Credentials(key.id, key.secret)
        return super().account_administrator(account)

    def work(self, *, also: Callable[[], bool] = lambda: True) -> None:
        """Do background work until no operation is under way, nothing is left of one, and something else holds."""
        for _ in range(_ROUNDS):
            self.settle()
            with self.app.database.transaction() as tx:
                waits = [each for each in services.scan(tx) if each.operation]
                leaving = service_instances.where(tx, "leaving", "")
            if not waits and not leaving and also():
                return
            self.clock.advance(_PERIOD)
            time.sleep(_PAUSE)
        failing = [each for each in self.app.controllers.status() if each.failing]
        raise AssertionError(f"it does not end: {waits}, {leaving}, {failing}, {self.app.workloads.last}")


class Dying:
    """Counts the steps of a server, and kills a victim before one of them."""

    def __init__(self, server: Server, node: Path, victim: str, point: int) -> None:
        self.left = point
        self._node, self._victim = node, victim
        self._sent: set[bytes] = set()
        self._watch(server.app.database.store, "write", lambda _: True)
        self._watch(NodeClient, "ask_line", lambda given: self._is_new(given[-1]))

    def _watch(self, owner: object, name: str, counts: Callable[[tuple[Any, ...]], bool]) -> None:
        step: Callable[..., object] = getattr(owner, name)

        def watched(*given: Any, **named: Any) -> object:
            if counts(given):
                self._come_to_one()
            return step(*given, **named)

        setattr(owner, name, watched)

    def _is_new(self, message: bytes) -> bool:
        """Whether a message is a step: one that waits for a task sends the same again and again."""
        known = message in self._sent
        self._sent.add(message)
        return not known and json.loads(message)["type"] not in _QUESTIONS

    def _come_to_one(self) -> None:
        self.left -= 1
        if self.left != -1:
            return
        if self._victim == "server":
            os.kill(os.getpid(), signal.SIGKILL)
        pid = self._pid()
        if pid:
            os.kill(pid, signal.SIGKILL)

    def _pid(self) -> int:
        """Return the process of the victim, 0 where there is none."""
        if self._victim == "holder":
            running = find_holder(self._node)
            return running.pid if running is not None else 0
        with suppress(NodeLostError), NodeClient(self._node) as client:
            status = client.ask(GetStatus())
            assert isinstance(status, Status)
            return status.pid
        return 0


class Code:
    """Source code, of whose application a variable is the answer."""

    settings: Mapping[str, str] = MappingProxyType({})

    def __init__(self, place: Path) -> None:
        self._code = place / "code"
        self._code.mkdir()
        (self._code / "application.py").write_text(_APPLICATION)
        author = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        for words in (("init", "-q", "-b", "main"), ("add", "."), (*author, "commit", "-q", "-m", "first")):
            subprocess.run(["git", "-C", str(self._code), *words], check=True)

    def prepare(self, server: Server) -> None:
        """Make the connection."""
        server.client("apprunner").create_connection(ConnectionName="sources", ProviderType="GITHUB")
        server.answer_administrative(SettleConnection(name="sources"))

    def asked(self, server: Server, answer: str) -> dict[str, Any]:
        """The source of the service, whose application answers so."""
        values = {
            "Runtime": "PYTHON_311", "BuildCommand": "true", "StartCommand": "python3 application.py",
            "RuntimeEnvironmentVariables": {"ANSWER": answer},
        }  # fmt: skip
        code = {
            "RepositoryUrl": f"file://{self._code}",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            "CodeConfiguration": {"ConfigurationSource": "API", "CodeConfigurationValues": values},
        }
        connection = server.client("apprunner").list_connections()["ConnectionSummaryList"][0][
            "ConnectionArn"
        ]
        return {
            "AutoDeploymentsEnabled": False, "CodeRepository": code,
            "AuthenticationConfiguration": {"ConnectionArn": connection},
        }  # fmt: skip


class Image:
    """Images of a directory, each with another answer."""

    def __init__(self, place: Path) -> None:
        for answer in ("one", "two"):
            web_image(place / "images" / answer, answer)
        self.settings: Mapping[str, str] = {"registry": f"public.ecr.aws/site=oci:{place / 'images'}"}

    def prepare(self, server: Server) -> None:
        """Nothing has to be made."""

    def asked(self, server: Server, answer: str) -> dict[str, Any]:
        """The source of the service, whose image answers so."""
        image = {
            "ImageIdentifier": f"public.ecr.aws/site/{answer}:latest", "ImageRepositoryType": "ECR_PUBLIC",
            "ImageConfiguration": {"Port": "8080"},
        }  # fmt: skip
        return {"AutoDeploymentsEnabled": False, "ImageRepository": image}


KINDS: Mapping[str, type[Code | Image]] = {"code": Code, "image": Image}


class Trial:
    """Servers of one state, one after another, and the service that they have."""

    def __init__(self, place: Path, kind: str) -> None:
        self.state, self.node = place / "state", place / "state" / "node"
        self.log = place / "log"
        self.made_of = KINDS[kind](place)

    def start(self) -> Server:
        return Server(state=str(self.state), ingress="127.0.0.1:0", settles=False, **self.made_of.settings)

    def server(self, work: Callable[[Server], object]) -> object:
        """Do work in a server of its own process; what it answers, or None where it was killed."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            self._be_server(work, write)
        os.close(write)
        with os.fdopen(read) as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return None
        assert status == 0, self.log.read_text()[-4000:]
        return json.loads(said)

    def _be_server(self, work: Callable[[Server], object], write: int) -> NoReturn:
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 2)
        code = 70
        try:
            server = self.start()
            answer = work(server)
            server.app.close()
            os.write(write, json.dumps(answer).encode())
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
            raise
        finally:
            os._exit(code)

    def prepare(self, server: Server) -> object:
        """Make the connector, and what the service is made of."""
        network = make_network(server.client("ec2"), subnets=1)
        server.client("apprunner").create_vpc_connector(
            VpcConnectorName="main", Subnets=network.subnets, SecurityGroups=[network.group]
        )
        self.made_of.prepare(server)
        server.app.database.flush()
        return True

    def create(self, server: Server) -> None:
        apprunner = server.client("apprunner")
        connector = apprunner.list_vpc_connectors()["VpcConnectors"][0]["VpcConnectorArn"]
        apprunner.create_service(
            ServiceName="site",
            SourceConfiguration=self.made_of.asked(server, "one"),
            HealthCheckConfiguration={"Interval": 1, "Timeout": 1},
            NetworkConfiguration={"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector}},
        )

    def update(self, server: Server) -> None:
        server.client("apprunner").update_service(
            ServiceArn=_arn(server), SourceConfiguration=self.made_of.asked(server, "two")
        )

    def pause(self, server: Server) -> None:
        server.client("apprunner").pause_service(ServiceArn=_arn(server))

    def resume(self, server: Server) -> None:
        server.client("apprunner").resume_service(ServiceArn=_arn(server))

    def delete(self, server: Server) -> None:
        server.client("apprunner").delete_service(ServiceArn=_arn(server))

    def do(self, begin: Callable[[Server], None], victim: str, point: int | None) -> object:
        """Carry out an operation; returns whether its end was reached before the point, None where it was killed."""

        def work(server: Server) -> object:
            begin(server)
            server.app.database.flush()
            dying = Dying(server, self.node, victim, point) if point is not None else None
            server.work()
            return dying is None or dying.left >= 0

        return self.server(work)

    def wrong(self, status: str, answer: str) -> list[str]:
        """Let another server do what is due, and say what is not as it should."""

        def look(server: Server) -> object:
            server.work(also=lambda: not answer or self._answer(server) == answer)
            with server.app.database.transaction() as tx:
                found = [each for each in services.scan(tx) if each.deleted is None]
                latest = [history.status_of(history.operations_on(tx, each)[0]) for each in found]
                instances = service_instances.scan(tx)
                interfaces = {each.id: each.interface for each in instances}
                kept = {each.source or each.image for each in service_versions.scan(tx)}
            said = [each.status for each in found] or ["DELETED"]
            problems = [] if said == [status] else [f"the service is {said}"]
            problems += [f"the operation is {each}" for each in latest if each != "SUCCEEDED"]
            there = server.client("ec2").describe_network_interfaces(
                Filters=[{"Name": "tag-key", "Values": ["AWSAppRunnerManaged"]}]
            )["NetworkInterfaces"]
            if sorted(interfaces.values()) != sorted(each["NetworkInterfaceId"] for each in there):
                problems.append(f"interfaces {there} of instances {interfaces}")
            problems += self._wrong_at_the_node(set(interfaces), kept=status == PAUSED)
            return problems + self._wrong_on_the_disk(kept)

        found = self.server(look)
        assert isinstance(found, list)
        return found

    def _answer(self, server: Server) -> str:
        with server.app.database.transaction() as tx:
            (service,) = (each for each in services.scan(tx) if each.deleted is None)
        host, _, port = server.app.workloads.last.ingress.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port or 0), timeout=10)
        try:
            connection.request("GET", "/", headers={"Host": service.url})
            return connection.getresponse().read().decode()
        except OSError as error:
            return str(error)
        finally:
            connection.close()

    def _wrong_at_the_node(self, instances: set[str], *, kept: bool) -> list[str]:
        """Say which instances and processes there are too many or too few; those that end are waited for.

        Without an instance none but a node that is `kept` may run.
        """
        problems: list[str] = []
        for _ in range(500):
            problems = list(self._at_the_node(instances, kept=kept))
            if not problems:
                break
            time.sleep(_PAUSE)
        return problems

    def _at_the_node(self, instances: set[str], *, kept: bool) -> Iterator[str]:
        known: set[int] = set()
        runs = (self.node / "socket").exists()
        if instances or (kept and runs):
            with NodeClient(self.node) as client:
                answer = client.ask(GetInstances())
            assert isinstance(answer, Instances)
            if {each.id for each in answer.instances} != instances:
                yield f"the node has {answer.instances}, and should have {instances}"
            for each in answer.instances:
                if each.state != "healthy":
                    yield f"{each}"
                known |= {each.pid, *tree_of(each.pid)}
        elif runs:
            yield "a node runs"
        for left in self._processes() - known:
            yield f"process {left} is left"
        if not instances and not (kept and runs):
            for left in holders_of(self.node):
                yield f"process {left} sees the node's namespaces"

    def _processes(self) -> set[int]:
        """Return the processes that this node has started for instances."""
        mark, found = f"UNDERSTUDY_NODE={self.node}\0".encode(), set()
        for each in Path("/proc").iterdir():
            with suppress(OSError):
                if each.name.isdigit() and mark in (each / "environ").read_bytes():
                    found.add(int(each.name))
        return found

    def _wrong_on_the_disk(self, kept: set[str]) -> list[str]:
        artifacts = Artifacts(self.node)
        made = (artifacts.sources, artifacts.images)
        there = {
            each.removesuffix(".lock")
            for each in _names_in(*made, artifacts.checkouts, artifacts.work, self.node / "tasks")
        }
        wanted = {safe_name(each) for each in kept}
        wrong = [f"on the disk there are {there}, and should be {wanted}"] if there != wanted else []
        images = (artifacts.image(each.name) for each in artifacts.images.glob("*") if each.is_dir())
        blobs = {each.rpartition(":")[2] for image in images for each in image.blobs}
        if (found := _names_in(artifacts.blobs / "sha256")) != blobs:
            wrong.append(f"there are blobs {found}, and should be {blobs}")
        return wrong


def _names_in(*places: Path) -> set[str]:
    return {each.name for place in places if place.exists() for each in place.iterdir()}


def _arn(server: Server) -> str:
    (found,) = server.client("apprunner").list_services()["ServiceSummaryList"]
    return str(found["ServiceArn"])


def main(place: str, step: int, seed: int, kind: str) -> None:
    trial = Trial(Path(place), kind)
    trial.server(trial.prepare)
    gc.collect()
    operations: dict[str, tuple[Callable[[Server], None], str, str]] = {
        "create": (trial.create, "RUNNING", "one"),
        "update": (trial.update, "RUNNING", "two"),
        "pause": (trial.pause, "PAUSED", ""),
        "resume": (trial.resume, "RUNNING", "two"),
        "delete": (trial.delete, "DELETED", ""),
    }
    points: dict[str, int | None] = dict.fromkeys(operations, seed % step)
    result: dict[str, dict[str, Any]] = {name: {"points": 0, "wrong": {}} for name in operations}
    while any(point is not None for point in points.values()):
        for name, (begin, status, answer) in operations.items():
            if name in {"pause", "resume"} and points["pause"] is points["resume"] is None:
                continue
            point = points[name]
            # The first victim is another one after as many seeds as there are first points.
            victim = VICTIMS[((point or 0) // step + seed // step) % len(VICTIMS)]
            # Who stops this learns how far it came.
            print(name, victim, point, file=sys.stderr, flush=True)
            over = trial.do(begin, victim, point)
            found = trial.wrong(status, answer)
            if found:
                result[name]["wrong"][f"{victim} at {point}"] = found
                print(json.dumps(result))
                return
            if point is not None:
                result[name]["points"] = point
                points[name] = None if over is True else point + step
    print(json.dumps(result))


def _start_alone(words: Any, **more: Any) -> Any:
    """Start a node that reaches nothing: what is around this machine is none of the tests' business."""
    is_node = "understudy_aws.node" in words
    return _started([*words, "--outside", "none"] if is_node else words, **more)


if __name__ == "__main__":
    _started = subprocess.Popen
    launcher.subprocess.Popen = _start_alone
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
