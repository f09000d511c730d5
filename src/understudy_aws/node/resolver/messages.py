"""DNS messages: a question read, and its answer from what a VPC's resolver knows. No input and no output.

Whatever arrives is answered, forwarded or ignored, in bounded time: what a question may be is checked on the twelve
bytes of its header, before the library reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import msgspec

from understudy_aws.node.resolver.zone import Found, Zone

TTL = 60
"""How many seconds an answer holds, as on AWS (vpc-dns.md 19.1)."""

LONGEST_QUESTION = 4096
"""A longer message is no question: a name has 255 bytes, and what EDNS adds is little."""

PAYLOAD = 1232
"""The longest datagram of DNS that is sent: what passes everywhere in one piece."""

_HEADER = struct.Struct("!6H")
_RESPONSE, _OPCODE = 0x8000, 0x7800
_SMALLEST_PAYLOAD = 512
# One for EDNS, one for a signature.
_MOST_ADDITIONAL = 2
_STREAM_LIMIT = 65535
# What may say that there is nothing, and prove it.
_PROOFS = {
    dns.rdatatype.SOA,
    dns.rdatatype.NSEC,
    dns.rdatatype.NSEC3,
    dns.rdatatype.RRSIG,
}
_PREFIX = IPv6Address("64:ff9b::")
# Where nothing says how long it holds that there is no IPv6 address (RFC 6147, 5.1.7).
_LONGEST_SYNTHESIZED = 600
_NO_WAY_OUT = "This VPC has no way to the internet, so that only its own names are known here."


class Question(msgspec.Struct, frozen=True):
    """A question that was read; `limit` is how long its answer may be.

    Who asks it is told IPv6 addresses that stand for IPv4 ones, where there are no others, if it `synthesizes`.
    """

    message: dns.message.Message
    limit: int
    synthesizes: bool = False

    @property
    def stream(self) -> bool:
        """Whether it came over TCP."""
        return self.limit == _STREAM_LIMIT


def read(wire: bytes, *, stream: bool, dns64: bool = False) -> Question | bytes | None:
    """Return the question in a message, or the answer to one that can't be understood; None for no question at all."""
    if len(wire) < _HEADER.size or wire[2] & _RESPONSE >> 8:
        # Nobody answers an answer, or two servers would never come to an end.
        return None
    id, flags, *counts = _HEADER.unpack_from(wire)
    if flags & _OPCODE:
        return _refusal(id, flags, dns.rcode.NOTIMP)
    if len(wire) > LONGEST_QUESTION or counts[:3] != [1, 0, 0] or counts[3] > _MOST_ADDITIONAL:
        return _refusal(id, flags, dns.rcode.FORMERR)
    try:
        message = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return _refusal(id, flags, dns.rcode.FORMERR)
    # Who checks signatures by itself finds out what stands for what by itself, too (RFC 6147, 5.5).
    checks = message.ednsflags & dns.flags.DO and message.flags & dns.flags.CD
    synthesizes = dns64 and message.question[0].rdtype == dns.rdatatype.AAAA and not checks
    if stream:
        return Question(message, _STREAM_LIMIT, synthesizes)
    payload = message.payload if message.edns >= 0 else _SMALLEST_PAYLOAD
    return Question(message, max(_SMALLEST_PAYLOAD, min(payload, PAYLOAD)), synthesizes)


def answer(question: Question, zone: Zone) -> bytes | None:
    """Return the answer to a question; None when somebody else has to be asked."""
    message = question.message
    asked = message.question[0]
    if message.edns > 0:
        return failure(question, dns.rcode.BADVERS)
    if asked.rdclass != dns.rdataclass.IN or (
        dns.rdatatype.is_metatype(asked.rdtype) and asked.rdtype != dns.rdatatype.ANY
    ):
        return failure(question, dns.rcode.REFUSED)
    name = asked.name.to_text(omit_final_dot=True).lower()
    found = zone.look_up(name)
    if found is not None:
        return _answered(question, found, zone.domain_of(name))
    if zone.is_local(name):
        response = _response(question)
        response.set_rcode(dns.rcode.NXDOMAIN)
        _tell_domain(response, zone.domain_of(name))
        return _wire(response, question)
    if not zone.forwards:
        return failure(question, dns.rcode.REFUSED, _NO_WAY_OUT)
    return None


def failure(question: Question, code: dns.rcode.Rcode, reason: str = "") -> bytes:
    """Return the answer that says why there is none; who speaks EDNS is told the reason, too (RFC 8914)."""
    response = _response(question)
    response.set_rcode(code)
    if reason and question.message.edns >= 0:
        response.use_edns(
            0, payload=PAYLOAD, options=[dns.edns.EDEOption(dns.edns.EDECode.PROHIBITED, reason)]
        )
    return _wire(response, question)


def servfail(question: Question) -> bytes:
    """Return the answer when whoever was asked does not answer."""
    return failure(question, dns.rcode.SERVFAIL)


def forwarded(question: Question) -> bytes:
    """Return the question as another resolver is asked it, under a number drawn anew, with what it needs of EDNS."""
    message = question.message
    asked = message.question[0]
    edns: dict[str, Any] = {"use_edns": False}
    if message.edns >= 0:
        payload = PAYLOAD if question.stream else question.limit
        edns = {"use_edns": 0, "payload": payload, "want_dnssec": bool(message.ednsflags & dns.flags.DO)}
    flags = int(message.flags) & (dns.flags.RD | dns.flags.CD | dns.flags.AD)
    query = dns.message.make_query(asked.name, asked.rdtype, asked.rdclass, flags=flags, **edns)
    return query.to_wire()


def is_answer_to(answer: bytes, query: bytes) -> bool:
    """Whether a message answers a query: the same number and the same question, where letter case tells too."""
    return (
        len(answer) >= _HEADER.size
        and answer[:2] == query[:2]
        and bool(answer[2] & 0x80)
        and answer[4:6] == query[4:6]
        and answer[_HEADER.size : _end_of_question(query)] == query[_HEADER.size : _end_of_question(query)]
    )


def passed_on(answer: bytes, question: Question, is_own: Callable[[str], bool]) -> bytes | None:
    """Return another resolver's answer to a question as the answer to who asked it here; None if it can't be read.

    Records of other names than the one asked for, and those it is an alias of, are left out. So are those of names that
    are answered for here alone (`is_own`): nobody else says where they lead.
    """
    try:
        message = dns.message.from_wire(answer)
    except dns.exception.DNSException:
        return None
    if message.rcode() == dns.rcode.BADVERS or not message.question:
        return None
    chain = _chain(message, question.message.question[0].name, is_own)
    answers = [each for each in message.answer if _belongs(each, chain)]
    proofs = [each for each in message.authority if each.rdtype in _PROOFS]
    if len(answers) < len(message.answer) or len(proofs) < len(message.authority) or message.additional:
        message.answer, message.authority, message.additional = answers, proofs, []
        answer = message.to_wire(max_size=max(len(answer), _SMALLEST_PAYLOAD), prefer_truncation=True)
    return question.message.id.to_bytes(2) + answer[2:]


def lacks_addresses(answer: bytes) -> bool:
    """Whether an answer to a question for IPv6 addresses has none, so that others may be made (RFC 6147, 5.1).

    A name that does not exist has none of either kind, and a longer answer is asked for anew. Any other failure counts
    as an answer without addresses.
    """
    message = dns.message.from_wire(answer, ignore_trailing=True)
    if message.flags & dns.flags.TC or message.rcode() == dns.rcode.NXDOMAIN:
        return False
    return not any(each.rdtype == dns.rdatatype.AAAA for each in message.answer)


def about_ipv4(question: Question) -> Question:
    """Return the question for the IPv4 addresses of what one asks the IPv6 addresses of."""
    message = dns.message.from_wire(question.message.to_wire())
    asked = message.question[0]
    message.question = [dns.rrset.RRset(asked.name, asked.rdclass, dns.rdatatype.A)]
    return Question(message, question.limit)


def synthesized(answer: bytes, question: Question, without: bytes) -> bytes:
    """Return an answer with IPv4 addresses as one with IPv6 addresses that stand for them.

    `without` is the answer that had none, and is the answer still where there are no others either.
    """
    found = dns.message.from_wire(answer, ignore_trailing=True)
    if found.flags & dns.flags.TC:
        return without[:2] + answer[2:4] + without[4:]
    if found.rcode() != dns.rcode.NOERROR or not any(each.rdtype == dns.rdatatype.A for each in found.answer):
        return without
    response = _response(question)
    denied = dns.message.from_wire(without, ignore_trailing=True)
    longest = min([_LONGEST_SYNTHESIZED, *(each.ttl for each in denied.authority)])
    for each in found.answer:
        if each.rdtype == dns.rdatatype.A:
            made = [standing_for(record.address) for record in each]
            ttl = min(each.ttl, longest)
            response.answer += [
                dns.rrset.from_text_list(each.name, ttl, dns.rdataclass.IN, dns.rdatatype.AAAA, made)
            ]
        elif each.rdtype in (dns.rdatatype.CNAME, dns.rdatatype.DNAME):
            response.answer.append(each)
    return _wire(response, question)


def standing_for(address: str) -> str:
    """Return the IPv6 address that stands for an IPv4 address, in the well-known prefix (RFC 6052, 2.1)."""
    return str(IPv6Address(int(_PREFIX) | int(IPv4Address(address))))


def _chain(
    message: dns.message.Message, name: dns.name.Name, is_own: Callable[[str], bool]
) -> set[dns.name.Name]:
    """Return a name and those that it is an alias of, one after another, as far as others may tell."""
    aliases = {
        each.name: each[0].target
        for each in message.answer
        if each.rdtype == dns.rdatatype.CNAME and len(each) == 1
    }
    chain = {name}
    while (target := aliases.get(name)) is not None and target not in chain:
        if is_own(target.to_text(omit_final_dot=True).lower()):
            break
        chain.add(target)
        name = target
    return chain


def _belongs(records: dns.rrset.RRset, chain: set[dns.name.Name]) -> bool:
    """Whether records are of a name in a chain, or say of all below a name what these are aliases of."""
    if records.rdtype == dns.rdatatype.DNAME:
        return any(each.is_subdomain(records.name) for each in chain)
    return records.name in chain


def _end_of_question(query: bytes) -> int:
    """Return where the question of a query of our own ends, which has no compressed name."""
    return query.index(0, _HEADER.size) + 5


def _answered(question: Question, found: Found, domain: str) -> bytes:
    asked = question.message.question[0]
    response = _response(question)
    records = _records(found)
    if question.synthesizes and dns.rdatatype.AAAA not in records and dns.rdatatype.A in records:
        records[dns.rdatatype.AAAA] = list(map(standing_for, records[dns.rdatatype.A]))
    for type, text in records.items():
        if asked.rdtype in (type, dns.rdatatype.ANY):
            response.answer += [dns.rrset.from_text_list(asked.name, TTL, dns.rdataclass.IN, type, text)]
    if not response.answer:
        _tell_domain(response, domain)
    return _wire(response, question)


def _records(found: Found) -> dict[dns.rdatatype.RdataType, list[str]]:
    texts = {
        dns.rdatatype.A: [each for each in found.addresses if ":" not in each],
        dns.rdatatype.AAAA: [each for each in found.addresses if ":" in each],
        dns.rdatatype.PTR: [f"{found.pointer}."] if found.pointer else [],
    }
    return {type: text for type, text in texts.items() if text}


def _tell_domain(response: dns.message.Message, domain: str) -> None:
    """Say of which domain it is known that there is nothing, and how long that holds (RFC 2308)."""
    if domain:
        response.authority.append(_start_of(domain))


@lru_cache(maxsize=64)
def _start_of(domain: str) -> dns.rrset.RRset:
    text = f"ns0.{domain}. hostmaster.{domain}. 1 3600 3600 3600 {TTL}"
    return dns.rrset.from_text(f"{domain}.", TTL, dns.rdataclass.IN, dns.rdatatype.SOA, text)


def _response(question: Question) -> dns.message.Message:
    return dns.message.make_response(question.message, recursion_available=True, our_payload=PAYLOAD)


def _wire(response: dns.message.Message, question: Question) -> bytes:
    return response.to_wire(max_size=question.limit, prefer_truncation=True)


def _refusal(id: int, flags: int, code: dns.rcode.Rcode) -> bytes:
    """Return the answer to what was not read: the header alone."""
    return _HEADER.pack(id, _RESPONSE | flags & (_OPCODE | dns.flags.RD) | dns.flags.RA | code, 0, 0, 0, 0)
