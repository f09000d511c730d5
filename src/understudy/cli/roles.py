"""`understudy roles`: the service-linked roles there are, and which exist here."""

from __future__ import annotations

import argparse

from understudy.admin.requests import ListRoles
from understudy.cli.admin_client import ask
from understudy.cli.options import settings_of
from understudy.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--existing", action="store_true", help="only those that exist")


def run(asked: argparse.Namespace, out: Output) -> int:
    """List the catalogue."""
    catalogue = ask(settings_of(asked), ListRoles())["roles"]
    if asked.existing:
        catalogue = [template for template in catalogue if template["existing"]]
    if out.as_json:
        out.value({"roles": catalogue})
        return 0
    rows = [
        (
            template["principal"],
            template["role_name"],
            template["policy"].rpartition("/")[2],
            ", ".join(role["account"] for role in template["existing"]) or "-",
        )
        for template in catalogue
    ]
    out.table(("SERVICE PRINCIPAL", "ROLE", "POLICY", "EXISTS IN"), rows)
    return 0
