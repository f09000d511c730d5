"""YAML read as a tree of texts that know their lines. Size, depth and number of nodes are bounded.

Scalars are texts, whatever YAML would take them for: the version 3.10 is not the number 3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from understudy_aws.core.deferred import deferred

if TYPE_CHECKING:
    import yaml
else:
    yaml = deferred("yaml")

LARGEST = 64 * 1024
DEEPEST = 16
MOST_NODES = 5_000


class Node(msgspec.Struct, frozen=True):
    """A node and the line it begins in. One of `text`, `items` and `entries` is given; entries are keys and values."""

    line: int
    text: str | None = None
    items: tuple[Node, ...] | None = None
    entries: tuple[tuple[Node, Node], ...] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands there."""
        return self.text == ""


class YamlError(ValueError):
    """The text is no YAML, or more than is read; one sentence says why. `line` is 0 for the whole text."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class _Open(msgspec.Struct):
    """A collection whose end was not read yet."""

    line: int
    anchor: str
    mapping: bool
    children: list[Node]


def read(text: str) -> Node:
    """Return the one document of a text. Raises YamlError."""
    if len(text.encode(errors="surrogatepass")) > LARGEST:
        raise YamlError(0, f"The file is larger than {LARGEST // 1024} KiB.")
    try:
        return _Tree().read(text)
    except yaml.reader.ReaderError as error:
        raise YamlError(
            text.count("\n", 0, error.position) + 1, "The file has characters that YAML forbids."
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 0
        raise YamlError(line, f"The file is not valid YAML: {error.problem or error.context}.") from error


class _Tree:
    """Puts a tree together from the events of a parser."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._count = 0
        self._root: Node | None = None

    def read(self, text: str) -> Node:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            self._take(event)
        return self._root if self._root is not None else Node(1, text="")

    def _take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            raise YamlError(line, "The file has more than one document.")
        if isinstance(event, yaml.ScalarEvent):
            empty = event.implicit[0] and event.value in {"~", "null", "Null", "NULL"}
            self._add(Node(line, text="" if empty else event.value), event.anchor or "")
        elif isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor)
            if known is None:
                raise YamlError(line, f"The alias *{event.anchor} refers to nothing.")
            self._add(known, "")
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) == DEEPEST:
                raise YamlError(line, f"The file is nested more than {DEEPEST} levels deep.")
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._open.append(_Open(line, event.anchor or "", mapping, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()

    def _close(self) -> None:
        ended = self._open.pop()
        if ended.mapping:
            pairs = tuple(zip(ended.children[::2], ended.children[1::2], strict=True))
            self._add(Node(ended.line, entries=pairs), ended.anchor)
        else:
            self._add(Node(ended.line, items=tuple(ended.children)), ended.anchor)

    def _add(self, node: Node, anchor: str) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            raise YamlError(node.line, f"The file has more than {MOST_NODES:,} values.")
        if anchor:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
