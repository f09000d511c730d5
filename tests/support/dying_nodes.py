"""Kills nodes and holders at chosen points, as a program: `dying_nodes.py DIRECTORY VICTIM POINTS`.

A point is before each change of the world that a node makes: a request to the kernel, a mount, a file. The node counts
them from its start, and at the chosen one the victim is killed: the `node` itself, or the `holder`. Then another node
is started, as the server does, told again what is wanted, and the kernel is looked at by a process of its own.

`POINTS` is `all/STEP/FIRST`, each STEPth from FIRST on until one is never come to, or `random/ROUNDS/SEED`, rounds in
which the victim is killed at some moment while one network after another is asked for. One line of JSON says what was
found; nodes are forked, since starting Python takes ten times as long as all the rest.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import dying_networks

import understudy_aws.node.__main__ as node
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.linux import holder, namespaces
from understudy_aws.dataplane.linux.compile import network_objects
from understudy_aws.dataplane.linux.holder import enter_holder, find_holder, namespaces_directory
from understudy_aws.dataplane.linux.kernel import Kernel
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.messages import Done, GetStatus, Probe, Probed, Status, Stop, Want
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.wanted import Network

_SECONDS = 30.0
_CHANGES_OF_FILES = ("rename", "replace", "unlink", "mkdir", "chmod", "write", "ftruncate", "fork")


def killed_at(directory: Path) -> Path:
    """The file that is there once a victim was killed since the last node was started."""
    return directory.parent / "killed"


class Dying:
    """Counts the changes of the world that this process makes, and kills the victim at one of them."""

    def __init__(self, directory: Path, victim: str, point: int) -> None:
        self._directory, self._victim, self._left = directory, victim, point
        for name in _CHANGES_OF_FILES:
            self._watch(os, name)
        for name in ("mount", "unmount", "unshare"):
            self._watch(namespaces, name)
            if hasattr(holder, name):
                self._watch(holder, name)
        self._watch(NetlinkSocket, "request")
        self._watch(NetlinkSocket, "commit")

    def _watch(self, owner: object, name: str) -> None:
        change: Callable[..., object] = getattr(owner, name)

        def watched(*arguments: object, **named: object) -> object:
            self._come_to_one()
            return change(*arguments, **named)

        setattr(owner, name, watched)

    def _come_to_one(self) -> None:
        self._left -= 1
        if self._left != -1:
            return
        killed_at(self._directory).touch()
        if self._victim == "node":
            os.kill(os.getpid(), signal.SIGKILL)
        running = find_holder(self._directory)
        if running is not None:
            os.kill(running.pid, signal.SIGKILL)
            # What comes next must not be done before it is gone: its death is told of by what fails then.
            until = time.monotonic() + _SECONDS
            while find_holder(self._directory) is not None and time.monotonic() < until:
                time.sleep(0.001)


class Trial:
    """Nodes of one directory, one after another."""

    def __init__(self, directory: Path, victim: str) -> None:
        self.directory, self.victim = directory, victim
        self.pid = 0

    def start(self, point: int | None = None) -> NodeClient | None:
        """Start a node and connect to it; None when it ended before it listened."""
        killed_at(self.directory).unlink(missing_ok=True)
        self.pid = os.fork()
        if self.pid == 0:
            self._be_node(point)
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            with suppress(NodeLostError):
                return NodeClient(self.directory)
            ended, _ = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                return None
            time.sleep(0.002)
        raise AssertionError("a node neither listens nor ends")

    def _be_node(self, point: int | None) -> NoReturn:
        # Of the points a node that starts must die at, one is where its errors would be told.
        log = os.open(self.directory.parent / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        if point is not None:
            Dying(self.directory, self.victim, point)
        code = 70
        try:
            code = node.main([str(self.directory), "--period", "60", "--outside", "none"])
        finally:
            os._exit(code)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def end_of_dying(self) -> None:
        """Wait for a node that has lost its life, or its holder."""
        until = time.monotonic() + _SECONDS
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            assert time.monotonic() < until, f"the node goes on without its {self.victim}"
            time.sleep(0.002)

    def difference(self, network: Network) -> list[str]:
        """What the kernel has too much or too little of, as seen by another process that enters the holder."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            self._look(network, write)
        os.close(write)
        with os.fdopen(read) as answer:
            said = answer.read()
        os.waitpid(child, 0)
        found: list[str] = json.loads(said or '["the look failed"]')
        return found

    def _look(self, network: Network, answer: int) -> NoReturn:
        try:
            running = find_holder(self.directory)
            assert running is not None
            enter_holder(running)
            place = namespaces_directory(self.directory)
            files = {each.name for each in place.iterdir()}
            kernel = Kernel(place)
            observed, wanted = kernel.observe(), network_objects(network)
            unfinished = files - set(kernel.namespaces.names())
            found = [f"+{each}" for each in observed - wanted] + [f"-{each}" for each in wanted - observed]
            found += [f"file {each}" for each in unfinished]
            os.write(answer, json.dumps(sorted(found)).encode())
        finally:
            os._exit(0)

    def make(self, network: Network) -> list[str]:
        """Start a node, have it make a network, kill it, and say what is not as wanted."""
        client = self.start()
        assert client is not None, (self.directory.parent / "log").read_text()
        with client:
            answer = client.ask(Want(network))
            found = [] if answer == Done() else [str(answer)]
            status = client.ask(GetStatus())
            assert isinstance(status, Status)
            found += [] if status.converged else ["not converged"]
            for interface, address, port, outcome in dying_networks.outcomes(network):
                said = client.ask(Probe(interface, address, port, 0.1))
                if said != Probed(outcome):
                    found.append(f"{interface} {address}:{port} {said}")
        found += self.difference(network)
        self.kill()
        return found


def holders_of(directory: Path) -> set[int]:
    """The processes, besides this one, that see the directory's namespaces mounted: the holder, or what is left of one."""
    found = set()
    for each in Path("/proc").iterdir():
        with suppress(OSError):
            if (
                each.name.isdigit()
                and str(namespaces_directory(directory)) in (each / "mountinfo").read_text()
            ):
                found.add(int(each.name))
    return found


def left_by(trial: Trial) -> list[str]:
    """What a node that was killed has left: what nobody can find again must have ended by itself."""
    until = time.monotonic() + _SECONDS
    while True:
        running = find_holder(trial.directory)
        left = holders_of(trial.directory) - ({running.pid} if running else set())
        if not left or time.monotonic() > until:
            return [f"left {pid}" for pid in left]
        time.sleep(0.01)


def every_point(trial: Trial, step: int, first: int) -> dict[str, object]:
    """Kill the victim at one point after another, on the way from one network to another."""
    wrong, point = {}, first
    while True:
        found = trial.make(dying_networks.FIRST)
        client = trial.start(point)
        answer: object = None
        if client is not None:
            with suppress(NodeLostError), client:
                answer = client.ask(Want(dying_networks.SECOND))
        # A holder that died before the node looked for one has been followed by another.
        done = answer == Done() and find_holder(trial.directory) is not None
        over = done and not killed_at(trial.directory).exists()
        if done:
            trial.kill()
        elif client is not None:
            trial.end_of_dying()
        found += trial.make(dying_networks.SECOND)
        found += left_by(trial)
        if found:
            wrong[point] = found
        if over:
            return {"points": point, "wrong": wrong}
        point += step


def from_nothing(trial: Trial, step: int, first: int) -> dict[str, object]:
    """Kill the victim at one point after another of a node that finds no holder, and starts one."""
    wrong, point = {}, first
    while True:
        client = trial.start(point)
        over = client is not None
        if client is not None:
            client.close()
            trial.kill()
        found = left_by(trial)
        found += trial.make(dying_networks.FIRST)
        trial_over(trial)
        if found:
            wrong[point] = found
        if over:
            return {"points": point, "wrong": wrong}
        point += step


def random_moments(trial: Trial, rounds: int, seed: int) -> dict[str, object]:
    """Kill the victim while networks are asked for, and see every tenth time that what was asked last is made."""
    chance, wrong = random.Random(seed), {}
    wanted = dying_networks.FIRST
    for number in range(rounds):
        client = trial.start()
        assert client is not None, (trial.directory.parent / "log").read_text()
        killer = os.fork()
        if killer == 0:
            time.sleep(chance.random() * 0.04)
            running = find_holder(trial.directory)
            with suppress(ProcessLookupError):
                os.kill(
                    trial.pid if trial.victim == "node" or running is None else running.pid, signal.SIGKILL
                )
            os._exit(0)
        chance.random()
        with suppress(NodeLostError), client:
            while True:
                wanted = dying_networks.SECOND if wanted is dying_networks.FIRST else dying_networks.FIRST
                client.ask(Want(wanted))
        os.waitpid(killer, 0)
        trial.end_of_dying()
        if number % 10 == 9:
            found = trial.make(wanted)
            if found:
                wrong[number] = found
    return {"points": rounds, "wrong": wrong}


def trial_over(trial: Trial) -> None:
    """Take the network down."""
    running = find_holder(trial.directory)
    client = trial.start()
    assert client is not None
    with suppress(NodeLostError), client:
        client.ask(Stop())
    os.waitpid(trial.pid, 0)
    until = time.monotonic() + _SECONDS
    while running is not None and start_of(running.pid) == running.started:
        assert time.monotonic() < until
        time.sleep(0.002)


def main(directory: str, victim: str, points: str) -> None:
    kind, number, first = points.split("/")
    trial = Trial(Path(directory), victim)
    trial.directory.mkdir(mode=0o700)
    # Holders that lose their parent come to this process, which waits for them, too.
    gc.collect()
    run = {"all": every_point, "start": from_nothing, "random": random_moments}[kind]
    result = run(trial, int(number), int(first))
    trial_over(trial)
    result["left"] = left_by(trial)
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
