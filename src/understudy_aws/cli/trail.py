"""`understudy trail`: the calls that were made, by whom, and how they ended."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

from understudy_aws.admin.requests import ListTrail
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", default="50", metavar="N", help="how many calls, the latest ones (50)")
    parser.add_argument("--before", metavar="NUMBER", help="calls before this number, to look further back")
    parser.add_argument("--of-account", metavar="ID", help="calls in this account only")


def run(asked: argparse.Namespace, out: Output) -> int:
    """List the latest calls, the latest last."""
    if not asked.limit.isdecimal() or not 1 <= int(asked.limit) <= 1000:
        raise UserError(f"--limit must be between 1 and 1000, not {asked.limit!r}.")
    if asked.before is not None and not re.fullmatch(r"[1-9][0-9]{0,17}", asked.before):
        raise UserError(f"--before takes the number of a call, not {asked.before!r}.")
    before = None if asked.before is None else int(asked.before)
    which = ListTrail(account=asked.of_account, limit=int(asked.limit), before=before)
    entries = ask(settings_of(asked), which)["entries"]
    if out.as_json:
        out.value({"entries": entries})
        return 0
    if not entries:
        out.line("No calls yet.")
        return 0
    rows = [_row(entry) for entry in reversed(entries)]
    out.table(("NO", "TIME", "REQUEST ID", "CALLER", "CALL", "REGION", "DECIDED BY", "OUTCOME"), rows)
    return 0


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    call = entry["call"]
    made_for = "  " if call.get("parent") else ""
    return (
        str(entry["number"]),
        call["at"][11:19],
        call["request_id"],
        _short(call["caller"]["arn"]),
        f"{made_for}{call['service']}:{call['operation']}",
        call.get("region", ""),
        _decided_by(call.get("evaluations", ())),
        call.get("outcome", "ok"),
    )


def _short(caller: str) -> str:
    """Return an ARN from its account on; every line would repeat what comes before."""
    parts = caller.split(":", 5)
    return f"{parts[4]}:{parts[5]}" if len(parts) == 6 else caller


def _decided_by(evaluations: list[Mapping[str, Any]]) -> str:
    """Return the policy that decided the last question, which is the refusal if there was one."""
    if not evaluations:
        return "-"
    last = evaluations[-1]
    if last["effect"] == "implicit-deny":
        return f"nothing allows {last['action']}"
    policy = last.get("policy", "").rpartition("/")[2] or last.get("layer", "")
    verb = "denied by " if last["effect"] == "explicit-deny" else ""
    # People count from one.
    statement = last.get("sid") or (
        f"statement {last['statement'] + 1}" if last.get("statement", -1) >= 0 else ""
    )
    return f"{verb}{policy} {statement}".rstrip()
