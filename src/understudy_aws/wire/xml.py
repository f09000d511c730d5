"""Writes answers as XML, by one renderer for each shape, made once; descriptions are rendered once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from understudy_aws.core.answers import Description
from understudy_aws.wire.model import Member, Shape
from understudy_aws.wire.scalars import base64_text, number_text

Renderer = Callable[[Any], str]

# What XML 1.0 cannot hold at all, and what must be written as a reference.
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"}


def escaped(text: str) -> str:
    """Escape text for XML. Characters that XML cannot hold become U+FFFD."""
    return _SPECIAL.sub(_reference, text) if _SPECIAL.search(text) else text


def _reference(match: re.Match[str]) -> str:
    return _REFERENCES.get(match.group(), "\N{REPLACEMENT CHARACTER}")


class XmlWriter:
    """Renders shapes for one protocol, which differ in element names and in how they write timestamps."""

    def __init__(self, key: str, list_item: str, timestamp: Callable[[datetime], str]) -> None:
        self._key = key
        self._list_item = list_item
        self._timestamp = timestamp

    def renderer(self, shape: Shape) -> Renderer:
        """Return the function that writes a value of this shape as the text inside its element."""
        made: Renderer | None = shape.compiled.get(self._key)
        if made is None:
            # A shape that contains itself is looked up again while it is being made.
            shape.compiled[self._key] = lambda value: str(shape.compiled[self._key](value))
            made = shape.compiled[self._key] = self._make(shape)
        return made

    def _kept(self, shape: Shape) -> str:
        """Under which name a description keeps its text: one description may stand for several shapes."""
        return f"{self._key} {shape.name}"

    def _make(self, shape: Shape) -> Renderer:
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return self._scalar(shape)

    def _scalar(self, shape: Shape) -> Renderer:
        timestamp = self._timestamp
        renderers: dict[str, Renderer] = {
            "string": escaped,
            "boolean": lambda value: "true" if value else "false",
            "integer": str,
            "long": str,
            "float": number_text,
            "double": number_text,
            "blob": base64_text,
            "timestamp": timestamp,
        }
        return renderers[shape.type]

    def _structure(self, shape: Shape) -> Renderer:
        fields: dict[str, Callable[[Any], str]] = {}
        members = shape.members
        key = self._kept(shape)

        def render_structure(value: Any) -> str:
            if type(value) is Description:
                kept = value.rendered.get(key)
                if kept is None:
                    kept = value.rendered[key] = render_items(value)
                return str(kept)
            return render_items(value)

        def made(name: str) -> Callable[[Any], str]:
            field = fields[name] = self._field(members[name], name)
            return field

        known = fields.get

        def render_items(value: Any) -> str:
            return "".join(
                [(known(name) or made(name))(item) for name, item in value.items() if item is not None]
            )

        return render_structure

    def _field(self, member: Member, name: str) -> Callable[[Any], str]:
        """Return the function that writes a member with its tags; a flattened list repeats them."""
        tag = member.location_name or name
        if member.shape.type in ("list", "map") and member.flattened:
            return self._flattened(member, tag)
        inner = self.renderer(member.shape)
        before, after = f"<{tag}>", f"</{tag}>"
        if inner is escaped:
            # Most members are texts, so one call is spared them.
            special = _SPECIAL.search
            return lambda text: f"{before}{escaped(text) if special(text) else text}{after}"
        return lambda value: f"{before}{inner(value)}{after}"

    def _flattened(self, member: Member, tag: str) -> Callable[[Any], str]:
        shape = member.shape
        if shape.type == "map":
            entry = self._entry(shape, tag)
            return lambda value: "".join(entry(key, item) for key, item in value.items())
        inner = self.renderer(shape.element.shape)
        name = shape.element.location_name or tag
        before, after = f"<{name}>", f"</{name}>"
        return lambda value: "".join(f"{before}{inner(item)}{after}" for item in value)

    def _list(self, shape: Shape) -> Renderer:
        element = shape.element
        inner = self.renderer(element.shape)
        name = element.location_name or self._list_item
        before, after = f"<{name}>", f"</{name}>"
        between, key = after + before, self._kept(element.shape)

        def render_list(values: Any) -> str:
            if not values:
                return ""
            if type(values[0]) is Description and key in values[0].rendered:
                # A list of views that were rendered before is a join.
                texts = [
                    value.rendered[key]
                    if type(value) is Description and key in value.rendered
                    else inner(value)
                    for value in values
                ]
            else:
                texts = [inner(value) for value in values]
            return f"{before}{between.join(texts)}{after}"

        return render_list

    def _map(self, shape: Shape) -> Renderer:
        entry = self._entry(shape, "entry")
        return lambda value: "".join(entry(key, item) for key, item in value.items())

    def _entry(self, shape: Shape, tag: str) -> Callable[[Any, Any], str]:
        key_tag = shape.key.location_name or "key"
        value_tag = shape.value.location_name or "value"
        key, value = self.renderer(shape.key.shape), self.renderer(shape.value.shape)
        return lambda name, item: (
            f"<{tag}><{key_tag}>{key(name)}</{key_tag}><{value_tag}>{value(item)}</{value_tag}></{tag}>"
        )
