"""Writes a first file for each service-linked role of a table; what people changed by hand afterwards stays.

    python tools/generate_service_linked_roles.py TABLE.tsv

The table has a header line and the columns principal, role_name, policy (its name), suffix (yes or no) and
description; lines starting with `#` are remarks. A file that is there already is left as it is.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "src" / "understudy" / "data" / "service_linked_roles"

# What we know beyond the table. AWS does not tell how App Runner describes the roles it creates: our words.
_SERVED_BY = {
    "apprunner.amazonaws.com": "apprunner",
    "networking.apprunner.amazonaws.com": "apprunner",
    "organizations.amazonaws.com": "organizations",
}
_SERVICE_DESCRIPTION = {
    "apprunner.amazonaws.com": "Allows App Runner to write logs and manage event rules on your behalf.",
    "networking.apprunner.amazonaws.com": (
        "Allows App Runner to manage network interfaces in your VPC on your behalf."
    ),
}


def main(arguments: list[str]) -> int:
    """Write the files that are missing and say how many."""
    if len(arguments) != 1:
        raise SystemExit(__doc__)
    written = 0
    for row in _rows(Path(arguments[0])):
        file = _FOLDER / f"{row['principal']}.toml"
        if not file.exists():
            file.write_text(_text(row), "utf-8")
            written += 1
    print(f"{written} files written to {_FOLDER}")
    return 0


def _rows(table: Path) -> Iterator[Mapping[str, str]]:
    with table.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t")


def _text(row: Mapping[str, str]) -> str:
    principal = row["principal"]
    # A JSON string of plain text is a TOML string.
    facts = {
        "principal": principal,
        "role_name": row["role_name"],
        "policy": f"arn:aws:iam::aws:policy/aws-service-role/{row['policy']}",
        "custom_suffix": row["suffix"] == "yes",
        "creatable": True,
        "served_by": _SERVED_BY.get(principal, ""),
        "description": row["description"],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in facts.items() if value or value is False]
    if principal in _SERVICE_DESCRIPTION:
        lines.append("# AWS does not tell how the service describes the role when it creates it: our words.")
        lines.append(f"service_description = {json.dumps(_SERVICE_DESCRIPTION[principal])}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
