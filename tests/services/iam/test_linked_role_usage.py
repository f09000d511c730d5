"""What uses a linked role is asked of the service its data file names, and of nobody by mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from understudy import app
from understudy.data import service_linked_roles
from understudy.gateway.registry import Registry
from understudy.services import SERVICES
from understudy.services.iam.linked_role_usage import LinkedRoleUsage
from understudy.settings import read

NETWORKING = "networking.apprunner.amazonaws.com"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A copy of the roles' data files, to be edited."""
    copy = tmp_path / "roles"
    shutil.copytree(Path(service_linked_roles.__file__).parent, copy)
    monkeypatch.setattr(service_linked_roles, "_FILES", copy)
    service_linked_roles.served_principals.cache_clear()
    yield copy
    service_linked_roles.served_principals.cache_clear()


def built() -> None:
    app.build(read({}, state="memory:")).close()


def test_as_they_are_the_files_and_the_services_agree(files):
    built()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('served_by = "apprunner"', 'served_by = "aprunner"', f"the linked role of {NETWORKING}"),
        ('served_by = "apprunner"', 'servd_by = "apprunner"', f"the linked role of {NETWORKING}"),
        ('served_by = "apprunner"\n', "", f"No data file says that the linked role of {NETWORKING}"),
    ],
)
def test_a_typo_in_a_data_file_stops_the_start(files, old, new, sentence):
    """A name nobody answered for meant that nothing uses the role: it would have been deleted while in use."""
    file = files / f"{NETWORKING}.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(LookupError, match=sentence):
        built()


def test_a_role_that_is_served_and_not_answered_for_stops_the_start(files):
    file = files / "acm.amazonaws.com.toml"
    file.write_text(file.read_text() + 'served_by = "acm"\n')
    with pytest.raises(
        LookupError, match=r"acm does not say what uses the linked role of acm\.amazonaws\.com"
    ):
        built()


def test_every_role_that_is_served_is_answered_for():
    usage = Registry(SERVICES).role_usage()
    assert LinkedRoleUsage(usage, lambda tx, role, now: ())
    answered = {principal for principals in usage.values() for principal in principals}
    assert {NETWORKING, "apprunner.amazonaws.com", "organizations.amazonaws.com"} == answered
