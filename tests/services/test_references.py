"""What records refer to is declared for every kind of resource, and the declarations are true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from situations import estate

from understudy_aws.core.arn import parse
from understudy_aws.gateway.references import Reference
from understudy_aws.gateway.service import ResourceKind
from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy

KINDS = [(service, kind) for service in SERVICES for kind in service.record_kinds]
RESOURCE_KINDS = [(service, kind) for service, kind in KINDS if isinstance(kind, ResourceKind)]
REFERENCES = [(service, kind, reference) for service, kind in KINDS for reference in kind.references]
# What can be long in one account or Region: more than some hundred records, or more than AWS's quotas of others allow.
FEW = {"apprunner/vpc-connector", "organizations/member"}
FEW |= {"organizations/organization", "organizations/organizational-unit", "apprunner/service"}


def _name(part: Any) -> str:
    return str(getattr(part, "relation", "") or getattr(part, "name", "") or getattr(part, "id", part))


@pytest.fixture(scope="module")
def built() -> Iterator[Understudy]:
    with Understudy(ids_seed=9) as understudy:
        estate(understudy)
        yield understudy


@pytest.mark.parametrize(("service", "kind"), KINDS, ids=_name)
def test_what_deletes_a_resource_and_ends_a_reference_is_an_operation_that_is_served(service, kind):
    named = {kind.deleted_by, *(each.ended_by for each in kind.references)} - {""}
    assert named <= service.operations.keys()


@pytest.mark.parametrize(("service", "kind", "reference"), REFERENCES, ids=_name)
def test_a_reference_is_found_by_an_index_where_there_can_be_many_records(service, kind, reference):
    assert reference.relation
    if reference.index:
        assert not reference.implied
        assert reference.index in kind.table.indexes
    else:
        assert reference.implied or kind.table.name in FEW


def test_every_resource_is_found_by_its_identifier(built):
    with built.app.database.transaction() as tx:
        for service, kind in RESOURCE_KINDS:
            if kind.name == "security-group-rule":
                continue
            for record in kind.table.scan(tx):
                assert kind.by_identifier(tx, kind.identifier_of(record)) is record, (service.id, kind.name)
                arn = parse(kind.target(record).resource)
                assert arn is not None
                assert kind.find(tx, arn) is record


def _there(tx: Any, identifier: str) -> list[tuple[Any, Any]]:
    return [(kind, record) for _, kind in KINDS if (record := kind.by_identifier(tx, identifier)) is not None]


def _aws_managed(identifier: str) -> bool:
    return identifier.startswith("arn:aws:iam::aws:policy/")


def test_what_a_record_refers_to_is_there_and_the_index_finds_the_record_by_it(built):
    """AWS's own managed policies are no records."""
    seen: set[tuple[str, str]] = set()
    with built.app.database.transaction() as tx:
        for _, kind, reference in REFERENCES:
            for record in kind.table.scan(tx):
                for identifier in reference.identifiers(record):
                    if _aws_managed(identifier):
                        continue
                    there = _there(tx, identifier)
                    assert len(there) == 1 or reference.may_dangle, (kind.name, identifier)
                    seen.add((kind.name, reference.relation))
                    if reference.index:
                        value = reference.key(identifier) if reference.key else identifier
                        assert record in kind.table.where(tx, reference.index, value)
    assert {("subnet", "is in"), ("network-interface", "is a member of"), ("role", "has attached")} <= seen
    assert {("natgateway", "has"), ("elastic-ip", "is associated with"), ("user", "is a member of")} <= seen


def test_a_reference_may_depend_on_the_record():
    main = Reference("is in", lambda record: ("vpc-1", "", "vpc-1"), holds=lambda record: record == "other")
    assert main.identifiers("main") == ["vpc-1"]
    assert not main.holds_of("main")
    assert main.holds_of("other")
    assert not main.held_of("main")
