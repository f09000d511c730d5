"""Heads that are read without a parser, because nothing in them is anything but plain, or they were read before.

Clients that keep their connection send the same head again, or one that differs in a line or two, and so do instances.
What is not certain to be read by the parser in the same way, and only in that way, is left to it: `read` answers None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from understudy_aws.node.ingress.heads import (
    CONNECTION,
    DATE,
    DROPPED,
    FORWARDED_FOR,
    HOST,
    IDEMPOTENT,
    IN_REQUESTS,
    IN_RESPONSES,
    LEFT,
    LENGTH,
    NO_BODY,
    PASSED,
    TAKEN_NAME,
    Head,
    before_forwarded,
    end_of_head,
    status_line,
)

_LINE_END = b"\r\n"
_END = b"\r\n\r\n"
# So many heads of so many bytes are kept, and as many names and statuses; when there are more, all are forgotten.
_MOST_KEPT, _LONGEST_HEAD = 512, 2048
# One of so many heads that were read is kept.
_KEPT_OF = 8
# Longer heads, and those of more lines, are for the parser, which knows their bounds.
_LONGEST, _MOST_LINES = 16 * 1024, 64

# No parser sees more than characters in these, wherever in a head they are.
_PRINTABLE = bytes(range(0x20, 0x7F))
_LINE_ENDS = [_LINE_END * count for count in range(_MOST_LINES + 1)]
_TARGET = r"/[A-Za-z0-9/_.~%?&=+:@,;!$'()*-]*+"
_NAME_CHARACTERS = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_REQUEST_LINE = re.compile(rf"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) ({_TARGET}) HTTP/1\.1".encode())
_NAME = re.compile(rf"{_NAME_CHARACTERS}{{1,64}}".encode())
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [A-Za-z0-9 '-]{0,64}")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,14}")
# Names that mean more than their lines do, to the parser or to us.
_FOR_THE_PARSER = (b"proxy-connection", b"upgrade", b"transfer-encoding", b"expect")


def _usual_heads() -> re.Pattern[bytes]:
    """Return what matches the head of a request without a body, most of which is passed on as it came.

    That is all but a line that has the connection stay, which the last group has. Names that mean more than that are
    looked for only in lines that begin with a letter of theirs.
    """

    def spelled(text: str) -> str:
        return "".join(f"[{each}{each.upper()}]" if each.isalpha() else re.escape(each) for each in text)

    names = sorted({name.decode() for name in (*IN_REQUESTS, *_FOR_THE_PARSER)})
    letters = "".join(sorted({name[0] for name in names}))
    others = "|".join(
        f"{spelled(letter)}(?:{'|'.join(spelled(name[1:]) for name in names if name[0] == letter)})"
        for letter in letters
    )
    line = (
        rf"(?!(?=[{letters}{letters.upper()}])(?:{others}):)"
        rf"{_NAME_CHARACTERS}++: [!-~][ -~]*+(?<! )\r\n"
    )
    # Two times so many lines are fewer than the parser takes.
    lines = rf"(?:{line}){{0,{_MOST_LINES // 2}}}+"
    return re.compile(
        rf"(GET|DELETE|OPTIONS) ({_TARGET}) HTTP/1\.1\r\nHost: ([!-~]++)\r\n"
        rf"{lines}(?:([cC]onnection: [kK]eep-[aA]live\r\n){lines})?+\r\n".encode()
    )


_USUAL = _usual_heads()

T = TypeVar("T")


class KnownResponse(msgspec.Struct, frozen=True, gc=False):
    """The head of a response, as the client gets it up to how long it took. `length` is that of the body.

    One without a date has that after `before_date`; of others `after_date` is empty. `told` is what was read.
    """

    told: bytes
    before_date: bytes
    after_date: bytes
    length: int
    status: int


class _Kept(Generic[T]):
    """What was read from bytes, some of the time: what comes often is soon there, and what comes once seldom."""

    def __init__(self) -> None:
        self.known: dict[bytes, T] = {}
        self._read_since = 0

    def keep(self, told: bytes, what: T) -> None:
        """Keep what was read, if enough was read since something was kept."""
        self._read_since += 1
        if self._read_since >= _KEPT_OF and len(told) <= _LONGEST_HEAD:
            self._read_since = 0
            if len(self.known) >= _MOST_KEPT:
                self.known.clear()
            self.known[told] = what


class _Kinds(dict[bytes, int]):
    """What becomes of headers, by their names as they are spelled. A name is looked at when it comes first."""

    def __init__(self, kinds: Mapping[bytes, int]) -> None:
        super().__init__()
        self._kinds = {**kinds, **dict.fromkeys(_FOR_THE_PARSER, LEFT)}

    def __missing__(self, name: bytes) -> int:
        if not _NAME.fullmatch(name):
            return LEFT
        kind = self._kinds.get(name.lower(), PASSED)
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[name] = kind
        return kind

    def read(self, lines: list[bytes]) -> tuple[list[bytes], dict[int, bytes]] | None:
        """Return the lines that are not passed on, and what they say; None if the parser has to read one of them."""
        apart: list[bytes] = []
        others: dict[int, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b": ")
            kind = self[name]
            if not value or value != value.strip():
                return None
            if not kind:
                # Most are passed on.
                continue
            apart.append(line)
            if kind == CONNECTION:
                if value.lower() != b"keep-alive":
                    return None
            elif kind == FORWARDED_FOR and kind in others:
                others[kind] += b", " + value
            elif kind == LEFT or kind in others or (kind == LENGTH and not _LENGTH.fullmatch(value)):
                return None
            elif kind != DROPPED:
                others[kind] = value
        return apart, others


def _lines_of(told: bytes) -> list[bytes]:
    """Return the lines of a head; an empty one if there is anything in them but printable characters."""
    lines = told.split(_LINE_END, _MOST_LINES) if len(told) <= _LONGEST else []
    return lines if lines and told.translate(None, _PRINTABLE) == _LINE_ENDS[len(lines) - 1] else [b""]


class RequestHeads(_Kept[Head]):
    """Reads the heads of requests. `known` has some, by their bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds = _Kinds(IN_REQUESTS)

    def read(self, data: bytes) -> Head | None:
        """Return the head of a request that came whole, with its body, if it has one, and with nothing else.

        One without a body was looked for among those that are known before.
        """
        told, head = data, None
        if not data.endswith(_END):
            end = data.find(_END) + 4
            if end < 4:
                return None
            told = data[:end]
            head = self.known.get(told)
        if head is None:
            head = self._read(told)
            if head is None:
                return None
            self.keep(told, head)
        return head if head.length == len(data) - len(told) else None

    def _read(self, told: bytes) -> Head | None:
        match = _USUAL.fullmatch(told) if len(told) <= _LONGEST else None
        if match is None:
            return self._read_lines(told)
        method, target, host, stays = match.groups()
        passed = told[:-2]
        if stays is not None:
            passed = told[: match.start(4)] + told[match.end(4) : -2]
        return Head(
            method,
            target,
            host,
            [],
            0,
            keep_alive=True,
            version="1.1",
            # The value of X-Forwarded-For follows.
            before=passed + b"X-Forwarded-For: ",
            after=_END,
            is_plain=True,
            may_repeat=True,
        )

    def _read_lines(self, told: bytes) -> Head | None:
        lines = _lines_of(told)
        match = _REQUEST_LINE.fullmatch(lines[0])
        if match is None:
            return None
        # Two empty ones are at the end. One in between is no header, and left to the parser.
        read = self._kinds.read(lines[1:-2])
        if read is None:
            return None
        apart, others = read
        host = others.get(HOST)
        if host is None:
            return None
        method, target = match.groups()
        head = Head(method, target, host, [], int(others.get(LENGTH, 0)), keep_alive=True, version="1.1")
        head.forwarded_for = others.get(FORWARDED_FOR, b"")
        passed = [line for line in lines[1:-1] if line not in apart]
        head.before = before_forwarded(head, _LINE_END.join(passed))
        head.after = end_of_head(head)
        head.is_plain = method != b"HEAD"
        head.may_repeat = not head.length and method in IDEMPOTENT
        return head


class ResponseHeads(_Kept[KnownResponse]):
    """Reads the heads of responses. `known` has some, by their bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds = _Kinds(IN_RESPONSES)
        # The statuses, and the lines that a client gets for them, by the lines that came.
        self._first: dict[bytes, tuple[int, bytes]] = {}

    def read(self, told: bytes) -> KnownResponse | None:
        """Return a head, of which `told` are the lines with the empty one at the end."""
        lines = _lines_of(told)
        first = self._first.get(lines[0]) or self._learn(lines[0])
        if first is None:
            return None
        read = self._kinds.read(lines[1:-2])
        if read is None:
            return None
        apart, others = read
        status, line = first
        length, date = others.get(LENGTH), others.get(DATE)
        if length is None and status not in NO_BODY:
            return None
        told_length = TAKEN_NAME if length is None else b"content-length: %b\r\n%b" % (length, TAKEN_NAME)
        passed = [each for each in lines[1:-2] if each not in apart]
        before = _LINE_END.join([line, *passed, b"date: " + date if date else b""])
        if date:
            before, told_length = b"%b\r\n%b" % (before, told_length), b""
        response = KnownResponse(
            told, before, told_length, 0 if status in NO_BODY else int(length or 0), status
        )
        self.keep(told, response)
        return response

    def _learn(self, line: bytes) -> tuple[int, bytes] | None:
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            return None
        status = int(match[1])
        first = status, status_line(status).removesuffix(_LINE_END)
        if len(self._first) >= _MOST_KEPT:
            self._first.clear()
        self._first[line] = first
        return first
