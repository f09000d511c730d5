"""A node for tests of operations on services: it runs real processes of this machine, and isolates nothing.

Images are directories that a test names by their references. A program listens on a port of its own on loopback.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from understudy_aws.dataplane.launcher import NodeError, NodeLauncher
from understudy_aws.dataplane.messages import (
    Done,
    ForgetTask,
    GetInstances,
    GetOutput,
    GetStatus,
    GetTasks,
    Instances,
    InstanceStatus,
    KeepArtifacts,
    Output,
    StartTask,
    Status,
    TakeRepairs,
    TaskIds,
    WantServices,
)
from understudy_aws.dataplane.tasks import BuildSource, FetchSource, PullImage, TaskResult, TaskStatus
from understudy_aws.dataplane.wanted_services import Instance, Service
from understudy_aws.gateway.workloads import Workloads

INGRESS_PORT = 4567
# A server that answers with the text of a file beside it.
SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open("answer").read().encode()
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
SERVE = f"{sys.executable} serve.py"


class QuietNode(NodeLauncher):
    """The launcher of a node that makes no networks, for which nothing is started."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, tied=True)

    def want(self, _network: Any) -> None:
        pass

    def ask(self, question: Any) -> Any:
        assert isinstance(question, (GetStatus, TakeRepairs))
        return Status(pid=0, holder=0, converged=True, vpcs=0, interfaces=())

    def status(self) -> Status | None:
        return None

    def may_run(self) -> bool:
        return False

    def runs(self) -> bool:
        return True

    def stop(self) -> bool:
        return False

    def beside(self) -> QuietNode:
        return self

    def close(self) -> None:
        pass

    def end(self) -> None:
        pass


class PlainWorkloads(Workloads):
    """Runs what is wanted. `broken` has every question refused, as when no node can start.

    `led` is what requests are led by. While it is `unled`, none is told that would lead requests to other instances.
    """

    def __init__(self, directory: Path, images: dict[str, Path] | None = None) -> None:
        super().__init__(QuietNode(directory))
        self.directory = directory
        self.images = images or {}
        self.tasks: dict[str, TaskStatus] = {}
        self.kept: KeepArtifacts | None = None
        self.broken = self.unled = False
        self.led: tuple[Service, ...] = ()
        self._processes: dict[str, tuple[Instance, int, subprocess.Popen[bytes]]] = {}
        self._well: set[str] = set()

    def ports(self) -> dict[str, int]:
        """Where each running instance listens."""
        return {id: port for id, (_, port, _) in self._processes.items()}

    def end(self) -> None:
        """End everything that runs."""
        for id in list(self._processes):
            self._stop(id)

    def close(self) -> None:
        """Instances outlive the server."""

    def _ask(self, question: Any) -> Any:
        if self.broken:
            raise NodeError("There is no node.")
        match question:
            case StartTask(id=id, task=task):
                if id not in self.tasks:
                    self.tasks[id] = self._carried_out(id, task)
                return self.tasks[id]
            case ForgetTask(id=id):
                self.tasks.pop(id, None)
            case GetTasks():
                return TaskIds(tuple(sorted(self.tasks)))
            case KeepArtifacts():
                self.kept = question
            case WantServices(services=services):
                if self.unled and _targets(services.services) != _targets(self.led):
                    raise NodeError("The node is slow.")
                self.led = services.services
                wanted = {each.id: each for each in services.instances}
                for id in self._processes.keys() - wanted.keys():
                    self._stop(id)
                for id in wanted.keys() - self._processes.keys():
                    self._start(wanted[id])
            case GetInstances():
                states = tuple(self._state(id) for id in sorted(self._processes))
                return Instances(instances=states, ingress=f"127.0.0.1:{INGRESS_PORT}")
            case GetOutput():
                return Output(node="plain", lines=())
            case _:
                raise AssertionError(question)
        return Done()

    def _ask_running(self, question: Any) -> Any:
        return self._ask(question)

    def _carried_out(self, id: str, task: Any) -> TaskStatus:
        try:
            return TaskStatus(id=id, state="succeeded", result=self._result(task))
        except subprocess.CalledProcessError as error:
            return TaskStatus(id=id, state="failed", reason=f"A command ended with {error.returncode}.")
        except LookupError as error:
            return TaskStatus(id=id, state="failed", reason=str(error.args[0]))

    def _result(self, task: Any) -> TaskResult:
        match task:
            case FetchSource():
                repository = task.url.removeprefix("file://")
                commit = _git(repository, "rev-parse", task.branch).strip()
                place = f"{task.directory.strip('/')}/apprunner.yaml".lstrip("/")
                try:
                    text = _git(repository, "show", f"{commit}:{place}")
                except subprocess.CalledProcessError:
                    text = None
                folder = task.directory.strip("/")
                part = _git(repository, "rev-parse", f"{commit}:{folder}").strip() if folder else ""
                return TaskResult(commit=commit, part=part, configuration_file=text)
            case BuildSource():
                tree = self.directory / f"tree-{task.commit[:12]}"
                tree.mkdir(parents=True, exist_ok=True)
                archive = subprocess.run(
                    ["git", "-C", task.url.removeprefix("file://"), "archive", task.commit],
                    check=True,
                    capture_output=True,
                )
                subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)
                for command in task.commands:
                    subprocess.run(["/bin/sh", "-c", command], cwd=tree, check=True)
                return TaskResult(source=tree.name)
            case PullImage():
                if task.reference not in self.images:
                    raise LookupError(f"There is no image {task.reference}.")
                return TaskResult(image=f"sha256:{self.images[task.reference].name}", command=("unused",))
        raise AssertionError(task)

    def _start(self, instance: Instance) -> None:
        program = instance.program
        if program.source:
            place = self.directory / program.source
        else:
            (place,) = [each for each in self.images.values() if f"sha256:{each.name}" == program.image]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            program.command or (sys.executable, "serve.py"),
            cwd=place,
            env={"PATH": os.environ["PATH"], **dict(program.environment), "PORT": str(port)},
            # A shell that runs the command ends without it.
            start_new_session=True,
        )
        self._processes[instance.id] = (instance, port, process)

    def _stop(self, id: str) -> None:
        _, _, process = self._processes.pop(id)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def _state(self, id: str) -> InstanceStatus:
        instance, port, process = self._processes[id]
        if process.poll() is not None:
            reason = f"The process exited with {process.returncode}."
            return InstanceStatus(id=id, state="ended", reason=reason, exit_status=process.returncode)
        status = self._http_status(instance, port)
        if status is None:
            return InstanceStatus(id=id, state="starting")
        if status >= 400:
            return InstanceStatus(id=id, state="unhealthy", reason=f"The health check answered {status}.")
        return InstanceStatus(id=id, state="healthy", pid=process.pid)

    @staticmethod
    def _http_status(instance: Instance, port: int) -> int | None:
        """What the health check answers: 200 for an open port, None while nothing does."""
        check = instance.health_check
        try:
            if check.protocol == "TCP":
                socket.create_connection(("127.0.0.1", port), 1).close()
                return 200
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{check.path}", timeout=1) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return None


def _targets(led: tuple[Service, ...]) -> dict[str, tuple[str, ...]]:
    return {each.arn: each.instances for each in led if each.instances}


def repository(directory: Path, *, answer: str = "one", **files: str) -> Path:
    """Make a git repository with a server that answers so, and a configuration file; returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    _git(directory, "init", "-q", "-b", "main")
    commit(directory, answer=answer, **{"serve.py": SERVER, **files})
    return directory


def commit(directory: Path, **files: str) -> None:
    """Write files and commit them."""
    for name, text in files.items():
        (directory / name).write_text(text)
    _git(directory, "add", "-A")
    _git(directory, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "change")


def image(directory: Path, *, answer: str) -> Path:
    """Make the files of an image whose server answers so; returns its directory."""
    directory.mkdir(parents=True)
    (directory / "serve.py").write_text(SERVER)
    (directory / "answer").write_text(answer)
    return directory


def _git(directory: str | Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(directory), *words],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
