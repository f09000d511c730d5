"""Adds to the table of service-linked roles what the managed policies have and the table has not.

    python tools/generate_service_linked_roles.py

Run it when the managed policies have been renewed. Every policy of the path `/aws-service-role/` without a row gets
one of an unknown role; rows that are there stay as they are. Then it prints the roles that AWS's managed policies
name by ARN, for principals that the table does not have: a person decides which row they belong to.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from understudy_aws.data import managed_policies, service_linked_roles

_TABLE = Path(service_linked_roles.__file__).with_name("service_linked_roles.tsv")
_ARN = re.compile(r"aws-service-role/([a-z0-9.-]+\.amazonaws\.com)/(AWSServiceRoleFor[^\"]*)")


def main() -> int:
    """Add the rows and print the candidates."""
    lines = _TABLE.read_text("utf-8").splitlines()
    known = {role.policy for role in service_linked_roles.catalogue()}
    known |= {role.policy for role in service_linked_roles.unknown()}
    missing = [policy for policy in _linked() if policy.arn() not in known]
    first_unknown = next((at for at, line in enumerate(lines) if line.startswith("-\t")), len(lines))
    unknown = [*lines[first_unknown:], *(_row(policy.name) for policy in missing)]
    table = [*lines[:first_unknown], *sorted(unknown, key=lambda row: row.split("\t")[2])]
    _TABLE.write_text("".join(f"{line}\n" for line in table), "utf-8")
    print(f"{len(missing)} rows added to {_TABLE}")
    for principal, name, policy in sorted(_named()):
        print(f"{policy} names {name} of {principal}")
    return 0


def _linked() -> Iterator[managed_policies.ManagedPolicy]:
    return (policy for policy in managed_policies.everything() if policy.path == "/aws-service-role/")


def _row(policy: str) -> str:
    return f"-\t-\t{policy}\tno\t\tunknown\tAWS Managed Policy Reference: {policy}\t\t"


def _named() -> set[tuple[str, str, str]]:
    """Principal, name of the role and name of the policy that names it, where the table has no such principal."""
    return {
        (principal, name, policy.name)
        for policy in managed_policies.everything()
        for principal, name in _ARN.findall(policy.document)
        if service_linked_roles.find(principal) is None
    }


if __name__ == "__main__":
    sys.exit(main())
