"""`understudy domain validate|list`: custom domains whose DNS records nobody can make."""

from __future__ import annotations

import argparse
import difflib
from typing import Any

from understudy_aws.admin.requests import ListCustomDomains, ValidateCustomDomain
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError

_VERBS = ("validate", "list")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "understudy domain validate NAME | list  [options]"
    parser.epilog = (
        "A custom domain of a service waits for DNS records that show whose it is. They are looked for in the DNS; "
        "validate takes them as found, for a domain that exists here alone; list shows all domains, and the records "
        "of those that wait."
    )
    parser.add_argument("verb", metavar="|".join(_VERBS), help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the domain")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Validate a domain, or list them all."""
    if asked.verb not in _VERBS:
        close = difflib.get_close_matches(asked.verb, _VERBS, 1)
        meant = f"did you mean {close[0]}?" if close else "it takes validate or list."
        raise UserError(f"`understudy domain` has no {asked.verb!r}; {meant}")
    settings = settings_of(asked)
    if asked.verb == "list":
        if asked.name:
            raise UserError("`understudy domain list` lists them all; it takes no NAME.")
        _list(ask(settings, ListCustomDomains()), out)
        return 0
    if not asked.name:
        raise UserError("Which domain? For example: understudy domain validate www.example.com")
    done = ask(settings, ValidateCustomDomain(name=asked.name))
    if out.as_json:
        out.value(done)
    elif done["was"] == done["status"]:
        out.line(f"{done['name']} is {done['status']} already.")
    else:
        out.line(f"{done['name']} is {done['status']}; it was {done['was']}.")
    return 0


def _list(answer: dict[str, Any], out: Output) -> None:
    if out.as_json:
        out.value(answer)
        return
    found = answer["domains"]
    if not found:
        out.line("There are none. `aws apprunner associate-custom-domain` makes one.")
        return
    out.table(
        ("NAME", "STATUS", "SERVICE"), [(each["name"], each["status"], each["service"]) for each in found]
    )
    for each in found:
        if each["status"].startswith("pending"):
            out.line()
            out.line(f"{each['name']} waits for these CNAME records:")
            for record in each["records"]:
                out.line(f"  {record['name']}  {record['value']}")
        if missing := each["not_in_certificate"]:
            out.line()
            out.line(
                f"{answer['certificate']} is not for {' and '.join(missing)}: over TLS, clients that verify it are "
                "not answered. No certificates are made beside one that is given."
            )
