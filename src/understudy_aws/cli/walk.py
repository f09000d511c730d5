"""Walks through a scenario against a server with botocore: each step calls, compares and prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from understudy_aws.admin.requests import AdminRequest
from understudy_aws.cli.admin_client import ask_server
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import Keys
from understudy_aws.cli.server_process import ServerProcess, Started

# Longer answers are not printed twice when they are the same.
_LONG = 100
_CONFIG = Config(retries={"max_attempts": 0}, proxies={}, connect_timeout=5, read_timeout=20)


class Check(msgspec.Struct, frozen=True):
    """One comparison: the call, AWS's answer, and the answer here."""

    asked: str
    aws: str
    understudy: str
    held: bool


class Step(msgspec.Struct):
    """Checks that belong together; `claim` is the claim of AWS's page that they show."""

    number: int
    claim: str
    title: str
    checks: list[Check] = msgspec.field(default_factory=list)

    @property
    def held(self) -> bool:
        return bool(self.checks) and all(check.held for check in self.checks)


class Walk:
    """The clients of one server, the facts learnt so far in `known`, and the steps taken."""

    def __init__(self, process: ServerProcess, out: Output) -> None:
        self._process = process
        self._out = out
        self._session = botocore.session.Session()
        self._clients: dict[tuple[str, str, str], Any] = {}
        self.started: Started = process.start()
        self.administrator: Keys = self.started.keys
        self.steps: list[Step] = []
        self.known: dict[str, Any] = {}

    @property
    def account(self) -> str:
        return self.started.account

    def client(self, service: str, *, region: str = "us-east-1", as_: Keys | None = None) -> Any:
        """Return an SDK client of the server, signing as the administrator unless said otherwise."""
        keys = as_ or self.administrator
        name = (service, region, keys.access_key_id)
        if name not in self._clients:
            self._clients[name] = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self.started.endpoint,
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
                config=_CONFIG,
            )
        return self._clients[name]

    def ask(self, request: AdminRequest) -> Any:
        """Return the server's answer to an administrative request."""
        return ask_server(self.started.server, request)

    def kill_and_restart(self) -> None:
        """Kill the server with SIGKILL and start it again with the same state and port."""
        port = self.started.port
        self._process.kill()
        self._process.options = (*self._process.options, "--port", str(port))
        self.started = self._process.start()

    def step(self, claim: str, title: str, do: Callable[[Walk], None]) -> bool:
        """Take one step and print it; an unexpected answer is a check that did not hold."""
        step = Step(len(self.steps) + 1, claim, title)
        self.steps.append(step)
        if not self._out.as_json:
            mark = f" ({claim})" if claim else ""
            self._out.line()
            self._out.line(
                f"{self._out.paint(f'{step.number:2}  {title}', 'bold')}{self._out.paint(mark, 'dim')}"
            )
        try:
            do(self)
        except ClientError as error:
            self.expect(error.operation_name, "an answer", said(error))
        return step.held

    def expect(self, asked: str, aws: str, understudy: str) -> None:
        """Compare two texts, which must be equal, and print the result."""
        self._note(Check(asked, aws, understudy, aws == understudy))

    def expect_like(self, asked: str, aws: str, pattern: str, understudy: str) -> None:
        """Compare a text with a pattern, because AWS's own would name other ids, and print the result."""
        self._note(Check(asked, aws, understudy, re.fullmatch(pattern, understudy, re.DOTALL) is not None))

    def expect_refusal(self, asked: str, aws: str, call: Callable[..., Any], **params: Any) -> str:
        """Make a call that must be refused with this code and text; returns its request id."""
        return self._refusal(asked, aws, lambda answered: answered == aws, call, params)

    def expect_refusal_like(self, asked: str, aws: str, call: Callable[..., Any], **params: Any) -> str:
        """Make a call whose refusal must begin with this code and text; returns its request id."""
        return self._refusal(asked, f"{aws} …", lambda answered: answered.startswith(aws), call, params)

    def _refusal(
        self,
        asked: str,
        aws: str,
        holds: Callable[[str], bool],
        call: Callable[..., Any],
        params: Mapping[str, Any],
    ) -> str:
        try:
            call(**params)
        except ClientError as error:
            answered = said(error)
            self._note(Check(asked, aws, answered, holds(answered)))
            return str(error.response["ResponseMetadata"].get("RequestId", ""))
        self._note(Check(asked, aws, "it was allowed", held=False))
        return ""

    def _note(self, check: Check) -> None:
        self.steps[-1].checks.append(check)
        out = self._out
        if out.as_json:
            return
        verdict = out.paint("OK", "green") if check.held else out.paint("FAILED", "red")
        out.line(f"    {out.paint('$', 'dim')} {check.asked}")
        # What only Understudy has, such as `explain`, AWS does not answer at all.
        who = "AWS answers:" if check.asked.startswith(("aws ", "kill ")) else "Right is:"
        out.line(f"      {who:<20} {check.aws}")
        same = check.held and check.aws == check.understudy and len(check.aws) > _LONG
        out.line(f"      Understudy answered: {'the same, letter by letter' if same else check.understudy}")
        out.line(f"      {verdict}")

    def report(self) -> dict[str, Any]:
        """Return all steps and checks as JSON values."""
        return {
            "held": self.held,
            "steps": [{**msgspec.to_builtins(step), "held": step.held} for step in self.steps],
        }

    @property
    def held(self) -> bool:
        return bool(self.steps) and all(step.held for step in self.steps)


def said(error: ClientError) -> str:
    """Return an error's code and message in one text."""
    return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
