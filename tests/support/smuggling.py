"""Requests that could be read in two ways, and bodies that can be read in one."""

from __future__ import annotations

from behind_ingress import GET, HOST

POST = f"POST / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# Known ways to have a proxy and the server behind it read different requests: RFC 9112 11.2, and what has been published
# of such attacks since (lengths that contradict each other, folded lines, bare ends of lines, chunks with odd sizes).
SMUGGLED = {
    "length and coding": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "a length in hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "a length that overflows": POST + b"Content-Length: 99999999999999999999\r\n\r\nabc",
    "an empty length": POST + b"Content-Length:\r\n\r\nabc",
    "a coding with a blank inside": POST + b"Transfer-Encoding: chun ked\r\n\r\n0\r\n\r\n",
    "a coding that begins like chunked": POST + b"Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n",
    "a coding that ends like chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, then identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "gzip, then chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab before chunked": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "a blank before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": POST + b"X: a\r\n b\r\n\r\n",
    "a folded first line": f"GET / HTTP/1.1\r\n X: a\r\nHost: {HOST}\r\n\r\n".encode(),
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "lines that end in LF": GET.replace(b"\r\n", b"\n"),
    "one line that ends in LF": POST + b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a CR in a value": POST + b"X: a\rb\r\n\r\n",
    "a NUL in a value": POST + b"X: a\x00b\r\n\r\n",
    "a NUL in a name": POST + b"X\x00: a\r\n\r\n",
    "a blank in a name": POST + b"X Y: a\r\n\r\n",
    "an empty name": POST + b": a\r\n\r\n",
    "a line without a colon": POST + b"X\r\n\r\n",
    "a name with a parenthesis": POST + b"X(: a\r\n\r\n",
    "a name beyond ASCII": POST + b"X\xc3\xa9: a\r\n\r\n",
    "two hosts": POST + b"Host: other\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a blank in the target": f"GET /a b HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "a target beyond ASCII": f"GET /\xe9 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode("latin-1"),
    "a relative target": f"GET a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "no version": b"GET /\r\n\r\n",
    "HTTP/0.9": f"GET / HTTP/0.9\r\nHost: {HOST}\r\n\r\n".encode(),
    "HTTP/2.0": f"GET / HTTP/2.0\r\nHost: {HOST}\r\n\r\n".encode(),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in small letters": f"get / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "a tunnel": f"CONNECT {HOST}:80 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}  # fmt: skip
BAD_CHUNKS = {
    "a size that overflows": b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size with a blank": b"3 \r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "sizes that end in LF": b"3\nabc\n0\n\n",
    "an extension that ends in LF": b"3;a=b\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk that ends in LF": b"3\r\nabc\n0\r\n\r\n",
}
BODIES = [
    (b"", b""),
    (b"Content-Length: 0\r\n", b""),
    (b"Content-Length: 5\r\n", b"12345"),
    (b"Transfer-Encoding: chunked\r\n", b"5;a=b\r\n12345\r\n1\r\n6\r\n0\r\nX: y\r\n\r\n"),
    (b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", b"abc"),
    (b"Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    (b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"ok"),
]
