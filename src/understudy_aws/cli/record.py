"""`understudy record`: the least-privilege policy for what was called, or for what one command calls."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.admin.requests import ListTrail, RecordPolicies
from understudy_aws.cli.admin_client import ask, ask_server, understood_server
from understudy_aws.cli.client_environment import made
from understudy_aws.cli.exec import DEFAULTS, environment_of, options_of, run_command
from understudy_aws.cli.iam_mode import say_mode
from understudy_aws.cli.options import SETTINGS, caller_named, settings_of, settings_of_own_server
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import ServerFile, files_of
from understudy_aws.cli.server_process import ServerProcess
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings

# Longer lists are in the JSON answer.
_MOST_LINES = 20
_LAYERS = {
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "trust": "trust policy of the role",
    "resource": "policy of the resource",
}


SHOWN = SETTINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "understudy record [options] [-- COMMAND [ARGUMENT ...]]"
    parser.epilog = (
        "A TIME is a date and time (2026-03-04T10:00:00Z), a number of the trail, a request id, or how long ago (10m). "
        "With a COMMAND it is run first, against the server that runs or else one of its own, and what was called "
        "in the meantime is recorded. Only the policies go to stdout; what is to be said about them, and what the "
        "command itself prints, go to stderr."
    )
    parser.add_argument(
        "--as",
        dest="as_",
        type=caller_named,
        metavar="ARN",
        default="",
        help="this user, role or session only",
    )
    parser.add_argument("--since", metavar="TIME", default="", help="from here on, the call itself included")
    parser.add_argument("--until", metavar="TIME", default="", help="up to here, the call itself included")
    parser.add_argument(
        "--portable", action="store_true", help="put a star for ids that AWS draws anew at the next run"
    )
    parser.add_argument(
        "--include-refused", action="store_true", help="allow what was tried and refused as well"
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Print the policies; exits 0, 1 when there is none to print or one is wrong, or with the command's code."""
    wanted = RecordPolicies(
        as_=asked.as_,
        since=asked.since,
        until=asked.until,
        portable=asked.portable,
        include_refused=asked.include_refused,
    )
    if not asked.command_line:
        return _print(ask(settings_of(asked), wanted), out, asked.as_)
    if asked.since or asked.until:
        raise UserError("With a command its own calls are recorded; leave --since and --until away.")
    server = understood_server(settings_of(asked))
    if server is not None:
        code, answer = _while_running(asked.command_line, server, settings_of(asked), wanted)
    else:
        code, answer = _with_a_server_of_its_own(asked, wanted, out)
    if code:
        out.remark(f"The command ended with {code}; this is what it called until then.")
    printed = _print(answer, out, asked.as_)
    return code or printed


def _while_running(
    command_line: Sequence[str], server: ServerFile, settings: Settings, wanted: RecordPolicies
) -> tuple[int, Any]:
    """Run the command against the server that runs; answers its exit code and the recording."""
    environment = dict(os.environ)
    # Whoever has a key for this server already, such as a role's, goes on with it.
    if environment.get("AWS_ENDPOINT_URL") != server.endpoint or not environment.get("AWS_ACCESS_KEY_ID"):
        files = files_of(settings)
        account = settings.account or next(iter(files.accounts()), settings.first_account)
        keys = files.read_keys(account)
        if keys is None:
            raise UserError(f"There are no keys for account {account}; see `understudy env`.")
        environment = made(server.endpoint, keys, os.environ, server.ca_bundle)
    before = ask_server(server, ListTrail(limit=1))["entries"]
    since = str(before[0]["number"] + 1) if before else ""
    code = run_command(command_line, environment, aside=True)
    return code, ask_server(server, replace(wanted, since=since))


def _with_a_server_of_its_own(
    asked: argparse.Namespace, wanted: RecordPolicies, out: Output
) -> tuple[int, Any]:
    """Run the command as `exec` does; answers its exit code and the recording."""
    settings = settings_of_own_server(asked, DEFAULTS)
    with ServerProcess(options_of(settings)) as process:
        started = process.start()
        say_mode(settings.iam, started.endpoint)
        before = ask_server(started.server, ListTrail(limit=1))["entries"]
        since = str(before[0]["number"] + 1) if before else ""
        code = run_command(asked.command_line, environment_of(started, settings), aside=True)
        answer = ask_server(started.server, replace(wanted, since=since))
        complaints = process.said_aside()
    if complaints:
        out.remark(complaints.rstrip())
    return code, answer


def _print(answer: Mapping[str, Any], out: Output, who: str) -> int:
    """Print the policies on stdout and remarks on stderr, or everything as one JSON document. `who` was asked for."""
    principals = answer["principals"]
    wrong = [each["principal"] for each in principals if each["refuted"]]
    written = any(each["policies"] for each in principals)
    if out.as_json:
        out.value(answer)
        return 1 if wrong or not written else 0
    if answer["forgotten"]:
        out.remark(f"The trail begins with call {answer['first']}: what was called before is forgotten.")
    if not principals:
        out.remark(f"{who or 'Nobody'} called {'nothing' if who else 'anything'} in that time.")
    for each in principals:
        for line in account_of(each):
            out.remark(line)
        for number, policy in enumerate(each["policies"], 1):
            if len(each["policies"]) > 1:
                out.remark(f"  policy {number} of {len(each['policies'])}:")
            out.document(policy, indent=2)
    for line in _said_of_all(answer):
        out.remark(line)
    if wrong:
        out.remark(
            f"understudy: the policy of {', '.join(wrong)} does not allow all that was called. Do not use it: this is "
            "a mistake of Understudy's."
        )
    return 1 if wrong or not written else 0


def _said_of_all(answer: Mapping[str, Any]) -> list[str]:
    lines = []
    documents = sum(len(each["policies"]) for each in answer["principals"])
    if documents > 1:
        lines.append(
            f"These are {documents} JSON documents, one after another, and no single policy file: give each a file of "
            "its own, choose a principal with --as, or take --json."
        )
    if answer["passed_over"]:
        calls = _count(answer["passed_over"], "call")
        lines.append(f"Not in it: {calls} by services in roles of their own, or by nobody who signed.")
    return lines


def account_of(recorded: Mapping[str, Any]) -> list[str]:
    """Return the remarks about one principal's policies, line by line."""
    proven, refuted = recorded["proven"], recorded["refuted"]
    calls, permissions = _count(recorded["calls"], "call"), _count(recorded["permissions"], "permission")
    onward = f", {recorded['onward']} of them by services on its behalf" if recorded["onward"] else ""
    lines = [f"{recorded['principal']}: {calls}{onward}; {permissions}"]
    if proven and not refuted:
        under = "this policy" if len(recorded["policies"]) == 1 else "these policies"
        lines.append(f"  asked again under {under} alone: all {_count(proven, 'question')} allowed")
    if refuted:
        lines.append("  REFUSED when asked again under this policy alone:")
        lines += _listed(f"    {each['action']} on {each['resource']}" for each in refuted)
    if not recorded["policies"]:
        lines.append("  nothing of it is for a policy to allow")
    lines += _left_out(recorded)
    lines += _said_of_what_is_in(recorded)
    return lines


def _left_out(recorded: Mapping[str, Any]) -> list[str]:
    lines = []
    free = recorded["without_permission"]
    if free:
        named = ", ".join(f"{each['call']}{_times(each)}" for each in free)
        lines.append(f"  left out, for it takes no permission: {named}")
    lines += _listed(
        f"  left out, for it failed before any policy was asked: {each['call']}{_times(each)}; {each['outcome']}"
        for each in recorded["failed"]
    )
    if recorded["unasked"]:
        lines.append(f"  left out, for IAM was off: {_count(recorded['unasked'], 'call')}")
    for name, why in (
        ("needless", "left out, for the resource's own policy allows it"),
        ("unnameable", "left out, for no policy can name it without allowing more"),
    ):
        lines += _listed(
            f"  {why}: {each['action']} on {each['resource']}{_times(each)}" for each in recorded[name]
        )
    return lines + _listed(map(_refusal, recorded["refused"]))


def _refusal(refused: Mapping[str, Any]) -> str:
    policy = _LAYERS.get(refused["layer"], refused["layer"])
    why = f"denied by a {policy}" if refused["effect"] == "explicit-deny" else f"no {policy} allows it"
    included = "and included" if refused["included"] else "not included"
    return f"  refused, {included}: {refused['action']} on {refused['resource']}{_times(refused)}; {why}"


def _said_of_what_is_in(recorded: Mapping[str, Any]) -> list[str]:
    lines = []
    if recorded["noted"]:
        lines.append(
            f"  refused, but carried out and included, for IAM was soft: {_count(recorded['noted'], 'question')}"
        )
    lines += _listed(
        f"  not narrowed by conditions, for the trail kept none: {each['action']} on {each['resource']}"
        for each in recorded["unnarrowed"]
    )
    lines += _listed(
        f"  widened, {each['sid']}: {', '.join(each['seen'])} -> {each['allows']}"
        for each in recorded["widenings"]
    )
    for number in recorded["too_long"]:
        lines.append(f"  policy {number} is longer than a managed policy may be, and cannot be cut")
    return lines


def _listed(lines: Any) -> list[str]:
    every = list(lines)
    if len(every) <= _MOST_LINES:
        return every
    return [*every[:_MOST_LINES], f"  … and {len(every) - _MOST_LINES} more like these; --json has them all"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _times(each: Mapping[str, Any]) -> str:
    return f" ({each['times']} times)" if each["times"] > 1 else ""
