"""Which context keys a policy document names, spelled as its author wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from understudy_aws.policy.engine.conditions.condition import spelling
from understudy_aws.policy.language.document import LEGACY, MalformedPolicy, Statement, read_document

# ${name} and ${name, 'default'}; the spelling is kept, which a compiled template has no use for.
_VARIABLE = re.compile(r"\$\{([^{}',]+)(?:,\s*'[^']*'\s*)?\}")


@lru_cache(maxsize=128)
def context_key_names(text: str) -> tuple[str, ...]:
    """Return a document's condition keys and the variables of its resources and values (simulator.md 5.3).

    A name spelled the same way twice is given once; `${*}`, `${?}` and `${$}` give `*`, `?` and `$`. Statements
    without Action or Resource are read too. Raises MalformedPolicy for text that is no policy document or names an
    operator AWS does not know.
    """
    document = read_document(text)
    names: dict[str, None] = {}
    for statement in document.statements:
        names.update(dict.fromkeys(_conditions(statement, variables=document.has_variables)))
        if document.has_variables:
            names.update(dict.fromkeys(_variables(statement.resources or ())))
    return tuple(names)


def _conditions(statement: Statement, *, variables: bool) -> Iterator[str]:
    for condition in statement.conditions:
        if spelling(condition.operator) is None:
            raise MalformedPolicy(LEGACY)
        yield condition.key
        if variables:
            yield from _variables(condition.values)


def _variables(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for found in _VARIABLE.finditer(text):
            name = found.group(1).strip()
            if name:
                yield name
