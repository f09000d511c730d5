"""Whoever has no policy is denied every operation that is served, by the name of its action, and nothing changes."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from samples import GIVEN, valid

from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

DENIALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
SERVED = sorted(Registry(SERVICES), key=lambda operation: operation.action)
# They ask for no permission (sts.md 3), or who calls is settled by what he shows of an identity provider, which must be
# right before anything is asked.
FREE = {"sts:GetCallerIdentity", "sts:GetSessionToken"} | {each.action for each in SERVED if each.identifies}


@pytest.fixture(scope="module")
def world():
    with Understudy() as understudy:
        yield understudy, understudy.user("nobody")


@pytest.mark.parametrize("service", sorted({each.service for each in SERVED}))
def test_every_operation_is_denied_by_the_name_of_its_action(world, service):
    understudy, nobody = world
    client = understudy.client(service, as_=nobody)
    operations = [each for each in SERVED if each.service == service and each.action not in FREE]
    before = understudy.app.database.count()
    wrong = {}
    for operation in operations:
        described = load(service).operation(operation.name)
        made_up = (valid(described.input) if described.input else {}) | GIVEN.get(operation.action, {})
        try:
            getattr(client, snake(operation.name))(**made_up)
            wrong[operation.action] = "answered"
        except ClientError as error:
            said = error.response["Error"]
            named = any(
                each.action in said["Message"] and not each.allowed
                for each in understudy.trail(1)[-1].evaluations
            )
            if said["Code"] not in DENIALS or not named:
                wrong[operation.action] = f"{said['Code']}: {said['Message']}"
        entry = understudy.trail(1)[-1]
        assert operation.action in {each.action for each in entry.evaluations}, operation.action
    assert wrong == {}
    assert operations
    # What is noted of the use of keys is no record that anybody asked for.
    assert {**understudy.app.database.count(), "iam/access-key-use": 0} == {**before, "iam/access-key-use": 0}
