"""Request bodies: unpacked if they came packed, and forms taken apart."""

from __future__ import annotations

import re
import zlib
from urllib.parse import unquote_to_bytes

from understudy.core.errors import ApiError
from understudy.core.http import HttpRequest

LARGEST_UNPACKED = 10 * 1024 * 1024
MOST_PARAMETERS = 50_000
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class MalformedBodyError(ValueError):
    """A body that is not what its headers say."""


def unpacked(request: HttpRequest) -> bytes:
    """The body as it was before `Content-Encoding`. Raises ApiError: 413 too large, 415 unknown, 400 broken."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity", "aws-chunked"):
        return request.body
    if encoding != "gzip":
        raise ApiError(
            "UnsupportedMediaType", f"The content encoding {encoding[:40]!r} is not supported.", 415
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(request.body, LARGEST_UNPACKED)
    except zlib.error as error:
        raise ApiError("MalformedInput", "The request body is no valid gzip data.") from error
    if unpacker.unconsumed_tail:
        raise ApiError("RequestEntityTooLarge", f"The body is larger than {LARGEST_UNPACKED} bytes.", 413)
    if not unpacker.eof:
        raise ApiError("MalformedInput", "The request body is no complete gzip data.")
    return body


def form(text: str, *, last_wins: bool) -> dict[str, str]:
    """`a=1&b=2`, decoded. Of a name given twice the last value counts, or else the first.

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
    """A query string, decoded, with all values of a name in their order. Raises MalformedBodyError as `form` does."""
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
    """A piece of a path, decoded; a plus sign stands for itself there. Raises MalformedBodyError."""
    return _decoded(text.replace("+", "%2B"))


def _decoded(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise MalformedBodyError("a percent sign must be followed by two hexadecimal digits")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError("the text is not valid UTF-8") from error
