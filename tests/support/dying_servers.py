"""Kills servers at chosen points of their work with a node, as a program: `dying_servers.py DIRECTORY STEP FIRST`.

A point is before and after each write to the store, each message to the node, each answer of its, each start of a node and
each time that what a node has left is removed. At the chosen one the server is killed with signal 9.
Then another server is started on the same state, and when it has done what is due the kernel must have what the records
ask for, and nothing else; a last one stops the node, and nothing may be left.

There are three ways: from no program to the first one, from some to others, and from the last one to none. One line of
JSON says what was found wrong, by way and point, and how many points there were; servers are forked, nodes are started as
always.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from dying_nodes import Trial as NodeTrial
from dying_nodes import holders_of
from nodes import children_of

from understudy_aws import app, settings
from understudy_aws.admin.requests import Attach, Detach
from understudy_aws.app import App
from understudy_aws.dataplane import client, launcher
from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.linux.holder import find_holder
from understudy_aws.dataplane.messages import GetStatus, Status
from understudy_aws.dataplane.wanted import Network
from understudy_aws.services.ec2.attached_programs import attached_programs
from understudy_aws.services.ec2.network_interfaces import ATTACHED, network_interfaces
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.services.ec2.wanted_network import wanted_network
from understudy_aws.testing import Understudy
from understudy_aws.testing.in_process import MovableClock

_SECONDS = 30.0


class Dying:
    """Counts the steps that this process makes, and kills it before or after one of them."""

    def __init__(self, server: App, point: int) -> None:
        self._left = point
        for owner, name in (
            (server.database.store, "write"),
            (NodeClient, "ask_line"),
            (socket.socket, "sendall"),
            (launcher.subprocess, "Popen"),
            (launcher.holder, "forget_holder"),
        ):
            self._watch(owner, name)

    def _watch(self, owner: object, name: str) -> None:
        step: Callable[..., object] = getattr(owner, name)

        def watched(*arguments: object, **named: object) -> object:
            self._come_to_one()
            done = step(*arguments, **named)
            self._come_to_one()
            return done

        setattr(owner, name, watched)

    def _come_to_one(self) -> None:
        self._left -= 1
        if self._left == -1:
            os.kill(os.getpid(), signal.SIGKILL)


class Trial:
    """Servers of one state, one after another; attached programs are this process, which goes on."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.state, self.node = place / "state", place / "state" / "node"
        with Understudy(state=str(self.state)) as first:
            first.settle()
            with first.app.database.transaction() as tx:
                self.subnets = [each.id for each in subnets.scan(tx) if each.region == "us-east-1"][:2]
        self.keep("nothing")

    def keep(self, name: str) -> None:
        shutil.rmtree(self.place / name, ignore_errors=True)
        shutil.copytree(self.state, self.place / name, ignore=shutil.ignore_patterns("node"))

    def restore(self, name: str) -> None:
        """Put the files of the state in the place of those there are; the node's stay."""
        for each in self.state.iterdir():
            if each.is_file():
                each.unlink()
        shutil.copytree(self.place / name, self.state, dirs_exist_ok=True)

    def server(self, work: Callable[[App, MovableClock], object], point: int | None = None) -> object:
        """Do work in a server; what it answers, or None where it was killed."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            self._be_server(work, point, write)
        os.close(write)
        with os.fdopen(read) as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return None
        assert status == 0, (self.place / "log").read_text()
        return json.loads(said)

    def _be_server(
        self, work: Callable[[App, MovableClock], object], point: int | None, write: int
    ) -> NoReturn:
        log = os.open(self.place / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 2)
        code = 70
        try:
            clock = MovableClock()
            server = app.build(settings.read({}, state=str(self.state)), clock=clock)
            if point is not None:
                Dying(server, point)
            answer = work(server, clock)
            server.close()
            os.write(write, json.dumps(answer).encode())
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
            raise
        finally:
            os._exit(code)

    def attach(self, server: App, number: int) -> None:
        server.admin.answer(Attach(pid=os.getppid(), subnet=self.subnets[number], command=str(number)))
        server.database.flush()

    def detach(self, server: App, command: str) -> None:
        with server.database.transaction() as tx:
            found = [each for each in attached_programs.scan(tx) if each.command == command]
        for each in found:
            server.admin.answer(Detach(interface=each.interface, pid=each.pid))
        server.database.flush()

    def wrong(self) -> object:
        """Start a server that is not killed, let it do what is due, and say what is not as its records ask for."""

        def look(server: App, clock: MovableClock) -> object:
            server.controllers.settle()
            clock.advance(20)
            server.controllers.settle()
            with server.database.transaction() as tx:
                network = wanted_network(tx, clock.now())
                programs = {each.interface: each for each in attached_programs.scan(tx)}
                interfaces = list(network_interfaces.scan(tx))
            found = [f"{each.interface}: {each.problem}" for each in programs.values() if each.problem]
            for each in interfaces:
                used = each.id in programs
                shown = each.attachment is not None and each.attachment.status == ATTACHED
                found += [f"{each.id} is attached: {shown}"] if used != shown else []
            until = time.monotonic() + _SECONDS
            while (more := self._wrong_at_the_node(network)) and time.monotonic() < until:
                # Who is told to end answers first.
                time.sleep(0.02)
            return found + more

        return self.server(look)

    def _wrong_at_the_node(self, network: Network) -> list[str]:
        running = find_holder(self.node)
        known, found = {running.pid} if running else set(), []
        if not network.vpcs:
            found = ["a holder"] if running else []
            found += [
                f"file {name}" for name in (client.SOCKET, client.WANTED) if (self.node / name).exists()
            ]
        else:
            with NodeClient(self.node) as asking:
                status = asking.ask(GetStatus())
            assert isinstance(status, Status)
            # And what forks for it.
            known |= {status.pid, *map(int, children_of(status.pid))}
            found = [] if status.converged and not status.error else [f"not converged: {status.error}"]
            found += NodeTrial(self.node, "server").difference(network)
        return found + [f"left {pid}" for pid in holders_of(self.node) - known]


def every_point(
    trial: Trial, before: str, step: int, first: int, change: Callable[[App, MovableClock], object]
) -> dict[str, object]:
    """Kill the server at one point after another of a change."""
    wrong, point = {}, first
    while True:
        trial.restore(before)
        found = trial.wrong()
        over = trial.server(change, point) is not None
        found = [*found, *trial.wrong()]
        if found:
            wrong[point] = found
        if over:
            return {"points": point, "wrong": wrong}
        point += step


def main(directory: str, step: str, first: str) -> None:
    trial = Trial(Path(directory))
    gc.collect()
    each = int(step), int(first)

    def attach(number: int) -> Callable[[App, MovableClock], object]:
        def work(server: App, _: MovableClock) -> object:
            trial.attach(server, number)
            server.controllers.settle()
            return True

        return work

    def exchange(server: App, _: MovableClock) -> object:
        trial.detach(server, "0")
        trial.attach(server, 1)
        server.controllers.settle()
        return True

    def detach(server: App, _: MovableClock) -> object:
        trial.detach(server, "0")
        server.controllers.settle()
        return True

    result = {"first": every_point(trial, "nothing", *each, attach(0))}
    trial.restore("nothing")
    trial.server(attach(0))
    trial.keep("one")
    result["exchange"] = every_point(trial, "one", *each, exchange)
    result["last"] = every_point(trial, "one", *each, detach)
    trial.restore("nothing")
    result["left"] = trial.wrong()
    print(json.dumps(result))


if __name__ == "__main__":
    # What is around this machine is none of the tests' business.
    started = launcher.subprocess.Popen
    launcher.subprocess.Popen = lambda words, **more: started([*words, "--outside", "none"], **more)
    main(*sys.argv[1:])
