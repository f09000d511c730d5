"""What uses a linked role is asked of the service its row names, and of nobody by mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from understudy_aws import app
from understudy_aws.data import service_linked_roles
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.services.iam.linked_role_usage import LinkedRoleUsage
from understudy_aws.settings import read

NETWORKING = "networking.apprunner.amazonaws.com"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A copy of the table of roles, to be edited."""
    copy = tmp_path / "roles.tsv"
    shutil.copy(service_linked_roles._TABLE, copy)
    monkeypatch.setattr(service_linked_roles, "_TABLE", copy)
    service_linked_roles.served_principals.cache_clear()
    yield copy
    service_linked_roles.served_principals.cache_clear()


def built() -> None:
    app.build(read({}, state="memory:")).close()


def changed(table: Path, principal: str, old: str, new: str) -> None:
    """Change the row of a principal."""
    lines = table.read_text().splitlines(keepends=True)
    (at,) = (at for at, line in enumerate(lines) if line.startswith(f"{principal}\t"))
    assert old in lines[at]
    lines[at] = lines[at].replace(old, new)
    table.write_text("".join(lines))


def test_as_they_are_the_table_and_the_services_agree(table):
    built()


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("\taprunner\t", f"the linked role of {NETWORKING}"),
        ("\t\t", f"The table of roles does not say that the linked role of {NETWORKING}"),
    ],
)
def test_a_typo_in_the_table_stops_the_start(table, new, sentence):
    """A name nobody answered for meant that nothing uses the role: it would have been deleted while in use."""
    changed(table, NETWORKING, "\tapprunner\t", new)
    with pytest.raises(LookupError, match=sentence):
        built()


def test_a_typo_in_the_name_of_a_column_stops_the_start(table):
    table.write_text(table.read_text().replace("\tserved_by\t", "\tservd_by\t"))
    with pytest.raises(ValueError, match="served_by"):
        built()


def test_a_role_that_is_served_and_not_answered_for_stops_the_start(table):
    changed(table, "acm.amazonaws.com", "\tno\t\t", "\tno\tacm\t")
    with pytest.raises(
        LookupError, match=r"acm does not say what uses the linked role of acm\.amazonaws\.com"
    ):
        built()


def test_every_role_that_is_served_is_answered_for():
    usage = Registry(SERVICES).role_usage()
    assert LinkedRoleUsage(usage, lambda tx, role, now: ())
    answered = {principal for principals in usage.values() for principal in principals}
    assert {NETWORKING, "apprunner.amazonaws.com", "organizations.amazonaws.com"} == answered
