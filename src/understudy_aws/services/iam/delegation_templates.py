"""Policy templates of products that ask for temporary permissions (docs/reference/delegation.md 38.2).

At AWS a partner hands them in once, and AWS looks through them; here `understudy delegation template` registers one
(docs/decisions/0053).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import product
from typing import Any

from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.iam import errors
from understudy_aws.store.tables import Record, Table

# Of a rendered policy.
MOST_CHARACTERS = 2048
_ENABLED = "@Enabled"
_PLACE = re.compile(r"@\{([^{}]+)\}")

Values = Mapping[str, tuple[str, ...]]


class DelegationTemplate(Record, frozen=True, kw_only=True):
    """A policy with places for parameters.

    `account` is the product's, which alone may ask by it, and `requestor` its name.
    """

    name: str
    account: str
    requestor: str
    document: str
    created: datetime

    @property
    def arn(self) -> str:
        return f"arn:aws:iam:::delegation-template/{self.name}"


delegation_templates = Table(
    "iam/delegation-template",
    DelegationTemplate,
    key=lambda template: (template.arn,),
    indexes={"by_account": lambda template: (template.account,)},
)


def checked(document: str) -> str:
    """Return a template's document. Raises ValueError for what no parameters could make a policy of."""
    try:
        parsed = json.loads(document)
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    statements = parsed.get("Statement") if isinstance(parsed, dict) else None
    listed = statements if isinstance(statements, list) else [statements]
    read = [each for each in listed if isinstance(each, dict)]
    if not read or len(read) < len(listed):
        raise ValueError("it has no statements")
    for each in read:
        condition = each.get(_ENABLED, "x")
        if not isinstance(condition, str) or not condition.removeprefix("!"):
            raise ValueError(f"{_ENABLED} is the name of a parameter, with ! for its contrary")
    return document


def values_of(parameters: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the values of a request's parameters by name. Raises InvalidInput for those that are none."""
    found: dict[str, tuple[str, ...]] = {}
    for each in parameters:
        name, values, kind = each.get("Name", ""), tuple(each.get("Values") or ()), each.get("Type", "")
        if not name or name in found:
            raise errors.invalid_input("Every policy parameter must have a name of its own.")
        # The guide has String and StringList, the API's description string and stringList.
        if kind.lower() not in {"string", "stringlist"}:
            raise errors.invalid_input(f"The type of policy parameter {name} must be string or stringList.")
        if not values or (kind.lower() == "string" and len(values) != 1):
            raise errors.invalid_input(f"Policy parameter {name} has not as many values as its type needs.")
        found[name] = values
    return found


def rendered(document: str, values: Values) -> str:
    """Return the policy that a template makes with these values, as AWS's customers are shown it.

    A list of values stands for one entry each, and two lists in one text for every combination. Raises InvalidInput
    for a parameter that is missing, for what is no policy then, and for one of more than 2,048 characters.
    """
    template = json.loads(document)
    statements = template["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    template["Statement"] = [
        _filled({name: value for name, value in each.items() if name != _ENABLED}, values)
        for each in listed
        if _is_enabled(each.get(_ENABLED), values)
    ]
    policy = json.dumps(template, separators=(",", ":"), ensure_ascii=False)
    _check_size(len(policy))
    try:
        review(policy, "session")
    except MalformedPolicy as error:
        raise errors.invalid_input(f"The rendered policy is not valid: {error}") from error
    return policy


def _check_size(characters: int) -> None:
    if characters > MOST_CHARACTERS:
        raise errors.invalid_input(f"The rendered policy has more than {MOST_CHARACTERS} characters.")


def _is_enabled(condition: str | None, values: Values) -> bool:
    if condition is None:
        return True
    is_true = _of(condition.removeprefix("!"), values) == ("True",)
    return is_true is not condition.startswith("!")


def _filled(value: Any, values: Values) -> Any:
    if isinstance(value, str):
        made = _texts(value, values)
        return made[0] if len(made) == 1 else made
    if isinstance(value, list):
        entries: list[Any] = []
        for each in value:
            entries += _texts(each, values) if isinstance(each, str) else [_filled(each, values)]
        return entries
    if isinstance(value, dict):
        return {_name(name, values): _filled(each, values) for name, each in value.items()}
    return value


def _name(name: str, values: Values) -> str:
    made = _texts(name, values)
    if len(made) != 1:
        raise errors.invalid_input(f"A list of values cannot stand in {name}.")
    return made[0]


def _texts(text: str, values: Values) -> list[str]:
    """Return what a text stands for: itself with every combination of the values of its parameters.

    Raises InvalidInput for more of them than a policy has room for, before all are made: some lists have billions.
    """
    names = list(dict.fromkeys(_PLACE.findall(text)))
    made: list[str] = []
    size = 0
    for chosen in product(*(_of(name, values) for name in names)):
        by_name = dict(zip(names, chosen, strict=True))
        made.append(_PLACE.sub(lambda place, by_name=by_name: by_name[place[1]], text))  # type: ignore[misc]
        # With its quotes.
        size += len(made[-1]) + 2
        _check_size(size)
    return made


def _of(name: str, values: Values) -> tuple[str, ...]:
    found = values.get(name)
    if found is None:
        raise errors.invalid_input(f"The policy template needs a value of parameter {name}.")
    return found
