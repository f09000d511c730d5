"""The heads of messages as they are passed on: made anew from what was understood, so that nobody reads them otherwise.

Headers of one connection are left out (RFC 9110 7.6.1): those that are known, and those that Connection names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from understudy_aws.core.clock import SystemClock, http_date, unix_seconds
from understudy_aws.node.ingress.edge_answers import STATUS_LINES

Headers = Sequence[tuple[bytes, bytes]]

_CLOCK = SystemClock()

# What becomes of a header. Those of framing and of the edge are made anew.
PASSED, DROPPED, CONNECTION, FORWARDED_FOR, LENGTH, CODING, DATE, HOST, UPGRADE, EXPECT = range(10)
# Of a header that RequestParser has to read.
LEFT = 10
_OF_A_CONNECTION = (b"keep-alive", b"proxy-connection", b"te", b"trailer", b"proxy-authenticate")
IN_REQUESTS = {
    b"connection": CONNECTION,
    b"x-forwarded-for": FORWARDED_FOR,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"host": HOST,
    b"upgrade": UPGRADE,
    b"expect": EXPECT,
    b"x-forwarded-proto": DROPPED,
    b"x-request-id": DROPPED,
    b"proxy-authorization": DROPPED,
    **dict.fromkeys(_OF_A_CONNECTION, DROPPED),
}
IN_RESPONSES = {
    b"connection": CONNECTION,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"date": DATE,
    b"upgrade": UPGRADE,
    b"server": DROPPED,
    b"x-envoy-upstream-service-time": DROPPED,
    **dict.fromkeys(_OF_A_CONNECTION, DROPPED),
}
_BLANKS = b" \t"
# Names as they were spelled, and no more of them than this.
_MOST_NAMES, _LONGEST_NAME = 512, 64
_request_kinds: dict[bytes, int] = {}
_response_kinds: dict[bytes, int] = {}

TAKEN_NAME = b"x-envoy-upstream-service-time: "

UNTIL_CLOSED = -2
"""The length of a response's body that ends with the connection."""

# Members of an enumeration take as long to look up as a call.
NO_BODY = (204, 304)
_OK = 200


class MalformedError(Exception):
    """A head that can be read in more than one way, or in none; with the status that it is answered."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Head(msgspec.Struct, gc=False):
    """The head of a request.

    `length` is that of its body, -1 for a chunked one. `passed` are the lines of the headers that are passed on, and
    `forwarded_for` is what earlier proxies have said. `before` and `after` are what an instance gets before and after
    what tells of the connection, once it is written. `is_plain` says that nothing but its response is expected: the
    connection stays, it is HTTP/1.1, and a body follows as usual. `may_repeat` says that to send it twice is as good as
    once.
    """

    method: bytes
    target: bytes
    host: bytes
    passed: list[bytes]
    length: int
    keep_alive: bool
    version: str
    expects_continue: bool = False
    websocket: bool = False
    forwarded_for: bytes = b""
    before: bytes = b""
    after: bytes = b""
    is_plain: bool = False
    may_repeat: bool = False

    @property
    def has_body(self) -> bool:
        return self.length != 0


class ResponseHead(msgspec.Struct):
    """The head of a response: `length` is that of its body, -1 for a chunked one, or `UNTIL_CLOSED`.

    Of a response to HEAD, or one with a status that has none, no body follows, whatever the length is.
    """

    status: int
    passed: list[bytes]
    length: int
    told_length: bytes = b""
    upgrade: bytes = b""


def _read(
    headers: Headers, known: Mapping[bytes, int], kinds: dict[bytes, int]
) -> tuple[list[bytes], dict[int, list[bytes]]]:
    """Return the lines of the headers that are passed on, and the values of the others by what becomes of them."""
    passed: list[bytes] = []
    others: dict[int, list[bytes]] = {}
    for name, value in headers:
        kind = kinds.get(name)
        if kind is None:
            kind = known.get(name.lower(), PASSED)
            if len(kinds) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
                kinds[name] = kind
        if kind == PASSED:
            passed.append(b"%b: %b\r\n" % (name, value))
        elif kind in others:
            others[kind].append(value.strip(_BLANKS))
        else:
            others[kind] = [value.strip(_BLANKS)]
    return passed, others


def read_request(method: bytes, target: bytes, headers: Headers, version: str, *, keep_alive: bool) -> Head:
    """Understand the head of a request. Raises MalformedError."""
    passed, others = _read(headers, IN_REQUESTS, _request_kinds)
    hosts = others.get(HOST, [])
    if len(hosts) != 1 and (hosts or version == "1.1"):
        raise MalformedError(
            400, "The request names more than one host." if hosts else "The request names no host."
        )
    head = Head(method, target, hosts[0] if hosts else b"", passed, 0, keep_alive, version)
    if len(others) > 1:
        if LENGTH in others or CODING in others:
            head.length = _length_of(others.get(LENGTH, []), others.get(CODING, []), version)
        if CONNECTION in others and others[CONNECTION] not in _PLAIN:
            _apply_connection(head, others[CONNECTION], others.get(UPGRADE, []))
        if FORWARDED_FOR in others:
            head.forwarded_for = b", ".join(others[FORWARDED_FOR])
        if EXPECT in others:
            head.expects_continue = version == "1.1" and others[EXPECT][0].lower() == b"100-continue"
    if target[:1] != b"/" and target != b"*":
        _read_absolute(head)
    head.may_repeat = not head.length and method in IDEMPOTENT
    usual = keep_alive and version == "1.1" and method != b"HEAD"
    head.is_plain = usual and not (head.websocket or head.expects_continue)
    return head


def _apply_connection(head: Head, connection: list[bytes], upgrade: list[bytes]) -> None:
    """Leave out what Connection names, and see whether a WebSocket is asked for."""
    named = _names_in(connection)
    if not named <= _USUAL:
        head.passed = _without(head.passed, named)
        asked = b"upgrade" in named and [each.lower() for each in upgrade] == [b"websocket"]
        head.websocket = asked and head.method == b"GET" and head.length == 0


# To do these twice is as good as once (RFC 9110 9.2.2).
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))
_USUAL = frozenset((b"keep-alive", b"close"))
_PLAIN = ([b"keep-alive"], [b"close"])


def _names_in(values: list[bytes]) -> frozenset[bytes]:
    return frozenset(name.strip(_BLANKS).lower() for value in values for name in value.split(b","))


def _without(lines: list[bytes], named: frozenset[bytes]) -> list[bytes]:
    return [line for line in lines if line.partition(b":")[0].lower() not in named]


def _length_of(lengths: list[bytes], codings: list[bytes], version: str) -> int:
    """Return the length of a request's body, -1 for a chunked one; it can be read in one way only."""
    if len(lengths) + len(codings) > 1:
        raise MalformedError(400, "The request tells more than one length.")
    if lengths:
        if not lengths[0].isdigit():
            raise MalformedError(400, "The length of the request is no number.")
        return int(lengths[0])
    if version != "1.1":
        # Whoever passed it on may have read its length otherwise (RFC 9112 6.1).
        raise MalformedError(400, "HTTP/1.0 has no transfer encodings.")
    if codings[0].lower() != b"chunked":
        raise MalformedError(501, "The only transfer encoding taken is chunked.")
    return -1


def _read_absolute(head: Head) -> None:
    """Take the host of a target in absolute form, which counts and not the header (RFC 9112 3.2.2)."""
    scheme, mark, rest = head.target.partition(b"://")
    if not mark or scheme.lower() not in (b"http", b"https"):
        raise MalformedError(400, "The target of the request is neither a path nor a URL.")
    authority, slash, path = rest.partition(b"/")
    authority, question, query = authority.partition(b"?")
    if not authority or b"@" in authority:
        raise MalformedError(400, "The target of the request names no host.")
    head.host = authority
    head.target = b"/?" + query if question else b"/" + path if slash else b"/"
    if question and slash:
        head.target += b"/" + path


def request_bytes(head: Head, forwarded: bytes, request_id: bytes) -> bytes:
    """Return the head of a request as an instance gets it.

    `forwarded` are the lines of X-Forwarded headers for this connection.
    """
    if not head.before:
        head.before = before_forwarded(head, b"".join(head.passed))
        head.after = end_of_head(head)
    return b"%b%b%b%b" % (head.before, forwarded, request_id, head.after)


def before_forwarded(head: Head, passed: bytes) -> bytes:
    """Return a head up to the client's address; `passed` are the lines that are passed on."""
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%bX-Forwarded-For: %b" % (
        head.method,
        head.target,
        head.host,
        passed,
        head.forwarded_for + b", " if head.forwarded_for else b"",
    )


def end_of_head(head: Head) -> bytes:
    """Return a head from the end of the request's id on."""
    upgrade = b"\r\nConnection: Upgrade\r\nUpgrade: websocket" if head.websocket else b""
    if head.length > 0:
        return b"%b\r\nContent-Length: %d\r\n\r\n" % (upgrade, head.length)
    if head.length < 0:
        return upgrade + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    if head.method in _BODY_EXPECTED:
        return upgrade + b"\r\nContent-Length: 0\r\n\r\n"
    return upgrade + b"\r\n\r\n"


# Of these, an instance would wonder about one without a length (RFC 9110 8.6).
_BODY_EXPECTED = frozenset((b"POST", b"PUT", b"PATCH"))


def forwarded_lines(client: str, *, secure: bool) -> bytes:
    """Return what is the same for all requests of a connection: who sends them, how, and the name of the id."""
    scheme = "https" if secure else "http"
    return f"{client}\r\nX-Forwarded-Proto: {scheme}\r\nX-Request-Id: ".encode()


def read_response(status: int, headers: Headers, *, is_head: bool) -> ResponseHead:
    """Understand the head of a response. Raises MalformedError."""
    passed, others = _read(headers, IN_RESPONSES, _response_kinds)
    head = ResponseHead(status, passed, UNTIL_CLOSED)
    date = others.get(DATE)
    passed.append(b"date: %b\r\n" % date[0] if date else date_line())
    if CONNECTION in others and others[CONNECTION] not in _PLAIN:
        named = _names_in(others[CONNECTION])
        if not named <= _USUAL:
            head.passed = _without(passed, named)
            head.upgrade = b", ".join(others.get(UPGRADE, []))
    lengths, codings = others.get(LENGTH, []), others.get(CODING, [])
    if codings or len(lengths) > 1:
        if lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise MalformedError(502, "The length of the response can be read in more than one way.")
        head.length = -1
    elif lengths:
        if not lengths[0].isdigit():
            raise MalformedError(502, "The length of the response is no number.")
        head.length = int(lengths[0])
        head.told_length = lengths[0]
    if is_head or status in NO_BODY or status < _OK:
        head.length = 0
    return head


def date_line() -> bytes:
    """Return the line of a response that has no date of its own."""
    global _second, _date_line
    second = int(unix_seconds())
    if second != _second:
        _second, _date_line = second, f"date: {http_date(_CLOCK.now())}\r\n".encode()
    return _date_line


_second, _date_line = 0, b""


def response_bytes(head: ResponseHead, milliseconds: int, *, keep_alive: bool, chunked: bool) -> bytes:
    """Return the head of a response as a client gets it."""
    pieces = [status_line(head.status), *head.passed]
    if head.told_length:
        pieces.append(b"content-length: %b\r\n" % head.told_length)
    elif chunked:
        pieces.append(b"transfer-encoding: chunked\r\n")
    if not keep_alive:
        pieces.append(b"connection: close\r\n")
    pieces += (TAKEN_NAME, taken_line(milliseconds))
    return b"".join(pieces)


def status_line(status: int) -> bytes:
    """Return the first line of a response."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def taken_line(milliseconds: int) -> bytes:
    """Return a response's head from its milliseconds on."""
    return b"%d\r\nserver: envoy\r\n\r\n" % milliseconds


def switching_bytes(head: ResponseHead) -> bytes:
    """Return the head of the response after which a connection is the application's own."""
    lines = [*head.passed, b"connection: Upgrade\r\n", b"upgrade: %b\r\n" % head.upgrade]
    return STATUS_LINES[101] + b"".join(lines) + b"server: envoy\r\n\r\n"
