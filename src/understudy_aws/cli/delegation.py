"""`understudy delegation template|boundary|list|messages`: be a product that asks for temporary permissions."""

from __future__ import annotations

import argparse
import difflib
import json
from pathlib import Path
from typing import Any

from understudy_aws.admin.requests import (
    AddDelegationBoundary,
    AddDelegationTemplate,
    ListDelegationMessages,
    ListDelegations,
)
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError

_VERBS = ("template", "boundary", "list", "messages")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "understudy delegation template FILE --name NAME --partner ID | boundary FILE --name NAME | list | "
        "messages [--topic ARN]  [options]"
    )
    parser.epilog = (
        "template registers a policy template, by which the product in that account may ask for permissions with "
        "`aws iam create-delegation-request`; AWS registers those of admitted partners. boundary registers a "
        "permissions boundary for the roles that the product makes. messages prints what IAM would publish to the "
        "product's SNS topic, one JSON object a line: the exchange token is in it, for `aws sts "
        "get-delegated-access-token`."
    )
    parser.add_argument("verb", metavar="|".join(_VERBS), help="what to do")
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="the policy template, or the boundary, in JSON"
    )
    parser.add_argument("--name", metavar="NAME", help="such as example.com/Setup")
    parser.add_argument("--partner", metavar="ID", help="the product's account")
    parser.add_argument("--requestor", metavar="TEXT", help="the product's name, as customers are shown it")
    parser.add_argument("--topic", metavar="ARN", help="only what is published to this topic")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Register a template or a boundary, or list what is registered, asked for or published."""
    if asked.verb not in _VERBS:
        close = difflib.get_close_matches(asked.verb, _VERBS, 1)
        meant = f"did you mean {close[0]}?" if close else "it takes template, boundary, list or messages."
        raise UserError(f"`understudy delegation` has no {asked.verb!r}; {meant}")
    settings = settings_of(asked)
    if asked.verb == "list":
        _list(ask(settings, ListDelegations()), out)
    elif asked.verb == "messages":
        _messages(ask(settings, ListDelegationMessages(topic=asked.topic or ""))["messages"], out)
    elif not asked.file or not asked.name:
        raise UserError(f"Which? understudy delegation {asked.verb} FILE --name example.com/Setup")
    elif asked.verb == "boundary":
        done = ask(settings, AddDelegationBoundary(name=asked.name, document=_read(asked.file)))
        _said(done, f"Roles may have the permissions boundary {done['arn']}.", out)
    else:
        if not asked.partner:
            raise UserError("Whose template is it? --partner ID")
        request = AddDelegationTemplate(
            name=asked.name,
            account=asked.partner,
            document=_read(asked.file),
            requestor=asked.requestor or "",
        )
        done = ask(settings, request)
        _said(done, f"{done['requestor']}, account {done['account']}, may ask by {done['arn']}.", out)
    return 0


def _said(done: dict[str, Any], sentence: str, out: Output) -> None:
    if out.as_json:
        out.value(done)
    else:
        out.line(sentence)


def _list(found: dict[str, Any], out: Output) -> None:
    if out.as_json:
        out.value(found)
        return
    if not found["templates"] and not found["boundaries"]:
        out.line(
            "No product is registered. For example: understudy delegation template FILE --name example.com/Setup"
        )
        return
    out.table(
        ("TEMPLATE", "ACCOUNT", "PRODUCT"),
        [(each["arn"], each["account"], each["requestor"]) for each in found["templates"]],
    )
    for arn in found["boundaries"]:
        out.line(f"boundary {arn}")
    if found["requests"]:
        out.table(
            ("REQUEST", "STATE", "BY", "OWNER"),
            [
                (each["id"], each["state"], each["requestor"], each["owner"] or "nobody")
                for each in found["requests"]
            ],
        )


def _messages(found: list[dict[str, Any]], out: Output) -> None:
    if out.as_json:
        out.value({"messages": found})
        return
    for each in found:
        out.line(json.dumps(each["message"]))


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
