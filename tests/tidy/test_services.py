"""The services as a whole: each folder is one, its description is true, and what it names is there."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from understudy_aws import services
from understudy_aws.core.arn import kind_of
from understudy_aws.data import service_catalogue, service_linked_roles
from understudy_aws.gateway.service import ResourceKind, TaggedKind
from understudy_aws.services import SERVICES
from understudy_aws.store.tables import Table
from understudy_aws.wire.model import load

FOLDER = Path(services.__file__).parent
# An operation by its decorator, or one of `ec2/absent_resources.py`.
DECLARATION = re.compile(r"^(?:@operation|\w+ = _described)\(", re.MULTILINE)
IDS = [service.id for service in SERVICES]
# Of these `tags` are a caller's, and what an account gets once it is made.
NO_RESOURCES = {"sts/session", "organizations/account-request"}
KINDS = [(service, kind) for service in SERVICES for kind in service.resource_kinds.values()]


def test_every_folder_is_a_service():
    assert sorted(path.parent.name for path in FOLDER.glob("*/__init__.py")) == sorted(IDS)


@pytest.mark.parametrize("service", SERVICES, ids=IDS)
class TestADescription:
    def test_it_agrees_with_the_api_description(self, service):
        shape = load(service.id)
        assert (shape.signing_name, shape.protocol) == (service.prefix, service.protocol)
        assert service.target == (shape.target_prefix if shape.protocol == "json" else "")
        assert f"{service.prefix}.amazonaws.com" == service.principal
        assert service_catalogue.service(service.prefix) is not None

    def test_it_serves_what_its_folder_declares(self, service):
        texts = [path.read_text() for path in (FOLDER / service.id).rglob("*.py")]
        declared = sum(len(DECLARATION.findall(text)) for text in texts)
        assert declared == len(service.operations) > 0

    def test_its_linked_roles_are_those_of_the_data_files(self, service):
        served = service_linked_roles.served_principals()
        assert {principal for principal, id in served.items() if id == service.id} == service.usage.keys()

    def test_what_it_names_is_there(self, service):
        for reference in service.usage.values():
            source = service._lookup(reference)
            assert ["tx", "account", "region"] == list(inspect.signature(source).parameters)
        if service.resources:
            assert all(isinstance(kind, ResourceKind) for kind in service._lookup(service.resources))


@pytest.mark.parametrize(
    ("service", "kind"), KINDS, ids=lambda part: getattr(part, "name", getattr(part, "id", ""))
)
def test_a_kind_of_resource_is_one_that_iam_knows(service, kind):
    """Service Authorization Reference: resource types."""
    assert isinstance(kind.table, Table)
    known = service_catalogue.service(service.prefix)
    assert known is not None
    arns = [type.arn for type in known.resource_types.values()]
    assert kind.name in {kind_of(arn.split(":", 5)[5]) for arn in arns}


def test_every_table_with_tags_is_a_kind_of_resource():
    """A new noun that carries tags is one that policies and tagging operations must know."""
    tagged = {
        table.name
        for service in SERVICES
        for module in service.modules()
        for table in vars(module).values()
        if isinstance(table, Table) and "tags" in table._decoder.type.__struct_fields__
    }
    assert tagged - {kind.table.name for _, kind in KINDS} == NO_RESOURCES
    assert all(isinstance(kind, TaggedKind) for service, kind in KINDS if service.id in ("apprunner", "ec2"))


def test_descriptions_import_nothing_of_their_service():
    """Starting costs no more than what is used: operations are imported when their service is first asked."""
    program = (
        "import sys; from understudy_aws.gateway.registry import Registry; from understudy_aws.services import SERVICES; "
        "Registry(SERVICES); "
        "print(*sorted(name for name in sys.modules if name.startswith('understudy_aws.services.') and name.count('.') > 2))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "" == told.stdout.strip()
