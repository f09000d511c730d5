"""Finds operations by path, with URI templates such as `/analyzer/{analyzerName}` and `/tags/{key+}?sync`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from understudy_aws.wire.bodies import unescaped

_LABEL = re.compile(r"\{([^{}]+?)(\+?)\}")
# A path with these is signed as another one, so it is nobody's.
_DOTS = re.compile(r"/\.\.?(?:/|$)")


class UriTemplate(NamedTuple):
    """The URI template of one operation. A label takes one segment of the path, a greedy one (`{key+}`) several.

    `query` is what must stand in the query string besides; `rank` orders templates, the most specific first.
    """

    operation: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    rank: tuple[tuple[int, ...], int]


def template(operation: str, uri: str) -> UriTemplate:
    """Read a template as API descriptions have it. A slash at the end makes no difference."""
    path, _, query = uri.partition("?")
    pattern, labels, place = "", [], 0
    path = path.rstrip("/")
    for label in _LABEL.finditer(path):
        pattern += re.escape(path[place : label.start()]) + ("(.+)" if label[2] else "([^/]+)")
        labels.append(label[1])
        place = label.end()
    pattern += re.escape(path[place:])
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    wanted = tuple((name, value) for name, _, value in pairs)
    kinds = [2 if "+}" in segment else 1 if "{" in segment else 0 for segment in path.split("/")]
    # Of two that begin alike the longer one comes first: what is greedy would take the rest too.
    rank = ((*kinds, 3), -len(wanted))
    return UriTemplate(operation, re.compile(f"{pattern}/?"), tuple(labels), wanted, rank)


class UriTable:
    """All templates of a service, made once from its operations' HTTP bindings."""

    def __init__(self, bindings: Iterable[tuple[str, str, str]]) -> None:
        self._templates: dict[str, list[UriTemplate]] = {}
        for operation, method, uri in bindings:
            self._templates.setdefault(method, []).append(template(operation, uri))
        for templates in self._templates.values():
            templates.sort(key=lambda each: each.rank)

    def find(
        self, method: str, path: str, query: Mapping[str, Sequence[str]]
    ) -> tuple[str, dict[str, str]] | None:
        """Return the operation at a path, which is still escaped, and its decoded labels; None if there is none.

        Raises MalformedBodyError for labels that are no text.
        """
        if _DOTS.search(path):
            return None
        for each in self._templates.get(method, ()):
            found = each.pattern.fullmatch(path)
            if found is not None and _holds(each.query, query):
                values = map(unescaped, found.groups())
                return each.operation, dict(zip(each.labels, values, strict=True))
        return None


def _holds(wanted: Sequence[tuple[str, str]], query: Mapping[str, Sequence[str]]) -> bool:
    return all(name in query and (not value or value in query[name]) for name, value in wanted)
