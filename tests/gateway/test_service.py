"""A service's description: what its folder has is served, and nothing else is."""

from __future__ import annotations

import importlib
import sys

import pytest
from msgspec.structs import replace

from understudy_aws.gateway.registry import Registry
from understudy_aws.gateway.service import Service

OPERATION = """
from understudy_aws.gateway.operations import all_resources, operation

@operation("{action}", on=all_resources)
def declared(_call):
    return None
"""
WEIGHTS = """
def usage(tx, account, region):
    return [f"arn:aws:balance:{region}:{account}:weight/1"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for a service called `balance`, and a function that writes its modules."""
    package = tmp_path / "balance"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda name, text: (package / f"{name}.py").write_text(text)
    for module in [name for name in sys.modules if name.partition(".")[0] == "balance"]:
        del sys.modules[module]
    importlib.invalidate_caches()


@pytest.fixture
def service():
    return Service(
        id="balance", principal="balance.amazonaws.com", prefix="balance", protocol="json", target="Balance", package="balance",
        usage={"balance.amazonaws.com": "weights:usage"},
    )  # fmt: skip


def test_a_module_of_the_folder_is_served_and_need_not_be_listed(folder, service):
    folder("weights", OPERATION.format(action="balance:PutWeight"))
    folder("scales", OPERATION.format(action="balance:GetScale"))
    registry = Registry([service])
    assert ["GetScale", "PutWeight"] == sorted(operation.name for operation in registry)
    found = registry.find("balance", "PutWeight")
    assert found is not None
    assert ("balance", "balance:PutWeight") == (found.service, found.action)
    assert registry.find("balance", "PutScale") is None
    assert registry.find("justice", "PutWeight") is None


def test_nothing_is_imported_before_it_is_asked_for(folder, service):
    folder("weights", "raise AssertionError('imported')")
    registry = Registry([service])
    assert "balance.amazonaws.com" == registry.principal_of("balance")
    assert {"balance.amazonaws.com"} == registry.role_usage()["balance"].keys()
    assert "balance" not in sys.modules


def test_an_operation_of_another_service_stops_the_service(folder, service):
    folder("weights", OPERATION.format(action="justice:PutWeight"))
    with pytest.raises(LookupError, match="justice:PutWeight is declared in the folder of balance"):
        _ = service.operations


def test_an_operation_declared_twice_stops_the_service(folder, service):
    folder("weights", OPERATION.format(action="balance:PutWeight"))
    folder("scales", OPERATION.format(action="balance:PutWeight"))
    with pytest.raises(LookupError, match="balance:PutWeight is declared twice"):
        _ = service.operations


def test_what_uses_a_linked_role_is_asked_of_the_function_named(folder, service):
    folder("weights", WEIGHTS)
    usage = service.role_usage["balance.amazonaws.com"]
    assert ["arn:aws:balance:eu-west-1:111122223333:weight/1"] == usage(None, "111122223333", "eu-west-1")


@pytest.mark.parametrize("same", ["id", "prefix", "principal"])
def test_two_services_are_not_taken_for_one(service, same):
    other = Service(
        id="justice", principal="justice.amazonaws.com", prefix="justice", protocol="json", package="justice"
    )
    with pytest.raises(LookupError, match="described like justice"):
        Registry(
            [service, replace(other, **{same: getattr(service, same)})] if same != "id" else [other, other]
        )
