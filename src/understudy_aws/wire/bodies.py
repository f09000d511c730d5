"""Unpacks request bodies and parses forms."""

from __future__ import annotations

import re
import zlib
from binascii import a2b_qp
from functools import cache
from urllib.parse import unquote_to_bytes

import msgspec

from understudy_aws.core.errors import ApiError

# No request of a query service comes near this; the largest policy document is 128 KiB (service-linked-roles.md 1).
LARGEST_FORM = 2 * 1024 * 1024
MOST_PARAMETERS = 20_000
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# From here on one step in C is faster than one step in Python for each escape.
_LONG = 256


class MalformedBodyError(ValueError):
    """A body that is not what its headers say."""


def unpacked(body: bytes, encoding: str, largest: int) -> bytes:
    """Undo a body's `Content-Encoding`. Raises ApiError: 413 too large, 415 unknown, 400 broken."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity", "aws-chunked"):
        if len(body) > largest:
            raise _too_large(largest)
        return body
    if encoding != "gzip":
        raise ApiError(
            "UnsupportedMediaType", f"The content encoding {encoding[:40]!r} is not supported.", 415
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, largest)
    except zlib.error as error:
        raise ApiError("MalformedInput", "The request body is no valid gzip data.") from error
    if unpacker.unconsumed_tail:
        raise _too_large(largest)
    if not unpacker.eof:
        raise ApiError("MalformedInput", "The request body is no complete gzip data.")
    return content


def _too_large(largest: int) -> ApiError:
    return ApiError("RequestEntityTooLarge", f"The body is larger than {largest} bytes.", 413)


class Form(msgspec.Struct, frozen=True):
    """The form of a request as it was sent: in the query string, in the body, or in both.

    `last_wins` tells which value counts of a name given twice: the last, or else the first. It is taken apart only
    when the signature is known to hold; `glance` finds what must be known before.
    """

    query: str = ""
    body: bytes = b""
    encoding: str = ""
    last_wins: bool = True

    def glance(self, name: str) -> str:
        """Find a parameter without parsing the form; empty if there is none, or its name has escapes.

        Raises MalformedBodyError.
        """
        within, first = _needles(name)
        text, start = self.body, -1
        if text:
            start = _last(text, within, first)
        if start < 0 and self.query:
            text = self.query.encode("latin-1", "replace")
            start = (_last if self.last_wins else _first)(text, within, first)
        if start < 0:
            return ""
        end = text.find(b"&", start, start + _LONGEST_GLANCE)
        value = text[start : end if end >= 0 else start + _LONGEST_GLANCE].decode("latin-1")
        return _decoded(value) if "%" in value or "+" in value else value

    @property
    def may_hold_nul(self) -> bool:
        """Whether a parameter may hold a NUL character: a cheap test that is false for most forms."""
        if b"%00" in self.body or b"\0" in self.body:
            return True
        return bool(self.query) and ("%00" in self.query or "\0" in self.query)

    def read(self) -> dict[str, str]:
        """Parse all parameters. Raises ApiError for what is malformed or too large."""
        try:
            fields = form(self.query, last_wins=self.last_wins) if self.query else {}
            if self.body:
                content = unpacked(self.body, self.encoding, LARGEST_FORM) if self.encoding else self.body
                inner = form(content.decode(), last_wins=True)
                fields = {**fields, **inner} if fields else inner
        except (MalformedBodyError, UnicodeDecodeError) as error:
            raise malformed(error) from None
        return fields


NO_FORM = Form()


def malformed(error: ValueError) -> ApiError:
    """Return the query protocols' error for a form that cannot be read."""
    reason = "the text is not valid UTF-8" if isinstance(error, UnicodeDecodeError) else error
    return ApiError("MalformedQueryString", f"The request is malformed: {reason}.")


_LONGEST_GLANCE = 256


@cache
def _needles(name: str) -> tuple[bytes, bytes]:
    """Return what stands before the value of a parameter: within a form, and at its beginning."""
    return f"&{name}=".encode(), f"{name}=".encode()


def _last(text: bytes, within: bytes, first: bytes) -> int:
    """Return where the value of the last parameter of a name begins; -1 if there is none."""
    start = text.rfind(within)
    if start >= 0:
        return start + len(within)
    return len(first) if text.startswith(first) else -1


def _first(text: bytes, within: bytes, first: bytes) -> int:
    """Return the same of the first parameter of that name."""
    if text.startswith(first):
        return len(first)
    start = text.find(within)
    return start + len(within) if start >= 0 else -1


def form(text: str, *, last_wins: bool) -> dict[str, str]:
    """Parse `a=1&b=2`. Of a name given twice the last value counts, or else the first.

    Raises MalformedBodyError for broken escapes, for text that is no UTF-8, and for too many parameters.
    """
    fields: dict[str, str] = {}
    if not text:
        return fields
    pieces = text.split("&")
    if len(pieces) > MOST_PARAMETERS:
        raise MalformedBodyError("too many parameters")
    for piece in pieces:
        if not piece:
            continue
        name, _, value = piece.partition("=")
        if "%" in name or "+" in name:
            name = _decoded(name)
        if "%" in value or "+" in value:
            value = _decoded(value)
        if last_wins or name not in fields:
            fields[name] = value
    return fields


def repeated(text: str) -> dict[str, list[str]]:
    """Parse a query string, with all values of a name in order. Raises MalformedBodyError as `form` does."""
    fields: dict[str, list[str]] = {}
    pieces = text.split("&")
    if len(pieces) > MOST_PARAMETERS:
        raise MalformedBodyError("too many parameters")
    for piece in pieces:
        if piece:
            name, _, value = piece.partition("=")
            fields.setdefault(_decoded(name), []).append(_decoded(value))
    return fields


def unescaped(text: str) -> str:
    """Decode a piece of a path, in which a plus sign stands for itself. Raises MalformedBodyError."""
    return _decoded(text.replace("+", "%2B"))


def _decoded(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise MalformedBodyError("a percent sign must be followed by two hexadecimal digits")
    text = text.replace("+", " ")
    try:
        return (unquote_to_bytes(text) if len(text) < _LONG else _unescaped_long(text.encode())).decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError("the text is not valid UTF-8") from error


def _unescaped_long(text: bytes) -> bytes:
    """Decode well-formed percent escapes in C, as the quoted-printable ones that they are turned into."""
    return a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"="))
