"""`understudy roles`: the service-linked roles there are, and which exist here."""

from __future__ import annotations

import argparse

from understudy_aws.admin.requests import ListRoles
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--existing", action="store_true", help="only those that exist")


def run(asked: argparse.Namespace, out: Output) -> int:
    """List the catalogue: role, principal and policy have lines of their own, which fit a terminal of 80 columns."""
    answer = ask(settings_of(asked), ListRoles())
    roles, unknown = answer["roles"], answer["unknown"]
    if asked.existing:
        roles, unknown = [role for role in roles if role["existing"]], []
    if out.as_json:
        out.value({"roles": roles, "unknown": unknown})
        return 0
    for role in roles:
        out.line(out.paint(role["role_name"] + ("[_SUFFIX]" if role["custom_suffix"] else ""), "bold"))
        out.line(f"  {role['principal']}  {role['confidence']}")
        out.line(f"  {_name(role['policy'])}")
        for existing in role["existing"]:
            out.line(f"  exists in {existing['account']}")
    if unknown:
        out.line()
        out.line("AWS has these policies for roles whose names or principals are not known.")
        out.line("The roles cannot be created here:")
        for role in unknown:
            out.line(f"  {_name(role['policy'])}")
    return 0


def _name(policy: str) -> str:
    return policy.rpartition("/")[2]
