"""No answer and no refusal shows what only Python writes: `None`, `True`, a list in brackets with quotes, a class.

Every operation served is called with the least it takes, then with each further member, filled as little as its
description allows: what is missing below is where a `None` would come from.
"""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from samples import valid

from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

OPERATIONS = sorted(Registry(SERVICES), key=lambda operation: operation.action)
PYTHON = re.compile(
    r"\b(None|NoneType|True|False|Traceback|KeyError|TypeError|ValueError|AttributeError|OrderedDict)\b|<class |object at 0x"
    r"|(?<![\"\w])\b\w+\(\w+='|\{'|\['|b'"
)


def texts(value):
    """All texts of an answer, names of members included."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (str(key), *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def fillings(shape):
    """Ways to fill a member: as little as it takes, and each of the members below alone, with and without its list."""
    listed = shape.type == "list"
    inner = shape.element.shape if listed else shape
    found = []
    with suppress(StopIteration):
        if inner.type != "structure":
            return [valid(shape)]
        required = {each: valid(inner.members[each].shape, nested=True) for each in inner.required}
        for name in inner.members:
            one = {**required, name: valid(inner.members[name].shape, nested=True)}
            found.append([one] if listed else one)
    if not inner.required:
        found.append([{}] if listed else {})
    return found


@pytest.fixture(scope="module")
def place():
    with Understudy() as understudy:
        yield understudy


def answered(place, service, operation, params):
    """The texts of the answer; nothing for what a client would not send."""
    try:
        answer = getattr(place.client(service), snake(operation))(**params)
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
    except BotoCoreError:
        return []
    answer.pop("ResponseMetadata", None)
    return list(texts(answer))


def calls(shape):
    try:
        least = valid(shape) if shape is not None else {}
    except StopIteration:
        return
    yield least
    for name, member in shape.members.items() if shape is not None else ():
        if name == "DryRun":
            continue
        for filling in fillings(member.shape):
            yield {**least, name: filling}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", sorted({each.service for each in OPERATIONS}))
def test_no_answer_shows_python(place, service):
    tried = 0
    for operation in OPERATIONS:
        if operation.service != service:
            continue
        name = operation.action.partition(":")[2]
        for params in calls(load(service).operation(name).input):
            tried += 1
            for text in answered(place, service, name, params):
                assert not PYTHON.search(text), (operation.action, params, text)
                assert "failed on this request" not in text, (operation.action, params, text)
    assert tried >= 1


def test_the_pattern_finds_what_it_should():
    for text in ("'None' is not valid", "[{'a': 1}]", "Vpc(id='x')", "<class 'int'>", "is True", "['a']"):
        assert PYTHON.search(text), text
