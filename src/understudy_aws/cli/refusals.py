"""Tells after a command which of its calls were refused, and how to learn why."""

from __future__ import annotations

from understudy_aws.admin.requests import ExplainCall, ListTrail
from understudy_aws.cli.admin_client import NoServerError, ask_server
from understudy_aws.cli.invocation import command
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import ServerFile
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings

_MOST = 1000
# As much of a request id as tells it from others.
_BEGINNING = 8


def last_number(server: ServerFile) -> int:
    """Return the number of the latest call of the trail, 0 if there is none."""
    entries = ask_server(server, ListTrail(limit=1))["entries"]
    return entries[0]["number"] if entries else 0


def tell_refusals(server: ServerFile, settings: Settings, after: int, out: Output) -> None:
    """Say how many calls after a number were refused, or would have been if IAM were strict; the last one by name."""
    try:
        found = ask_server(server, ListTrail(refused=True, since=str(after + 1), limit=_MOST))["entries"]
        if not found:
            return
        id = found[0]["call"]["request_id"]
        summary = ask_server(server, ExplainCall(text=id))["summary"]
    except (NoServerError, UserError):
        # The command ended the server, or it holds nothing of it any more.
        return
    many = (
        f"{_MOST} calls or more"
        if len(found) == _MOST
        else f"{len(found)} call{'s' if len(found) > 1 else ''}"
    )
    waived = sum(entry["waived"] for entry in found)
    if waived == len(found):
        told = f"{many} would have been refused if IAM were strict"
    else:
        were = "was" if len(found) == 1 else "were"
        told = (
            f"{many} {were} refused{f', or would have been if IAM were strict ({waived})' if waived else ''}"
        )
    out.remark(f"understudy: {told}. The last: {summary}")
    if settings.in_memory:
        out.remark("understudy: To see why, run it with --state DIR, then: understudy explain --state DIR")
    else:
        out.remark(f"understudy: To see why: {command(f'explain {id[:_BEGINNING]}', settings)}")
