"""`understudy review`: what is wrong in policy documents, where, and what to write instead."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict

from understudy_aws.cli.excerpt import excerpt
from understudy_aws.cli.output import Colour, Output
from understudy_aws.cli.wrapping import width, wrapped
from understudy_aws.core.errors import UserError
from understudy_aws.core.printable import printable
from understudy_aws.data import service_principals
from understudy_aws.policy import (
    RESOURCE_TYPES,
    TRUST_POLICY,
    Finding,
    FindingType,
    MalformedPolicy,
    PolicyType,
    Position,
    Span,
    likely_kind,
    review,
    validate_policy,
)
from understudy_aws.settings import read

STANDARD_INPUT = "-"
_UNREAD = 2
# What each word of --type asks of ValidatePolicy; the words are those of `review`.
_TYPES: dict[str, tuple[PolicyType, str | None]] = {
    "identity": (PolicyType.IDENTITY, None),
    "managed": (PolicyType.IDENTITY, None),
    "boundary": (PolicyType.IDENTITY, None),
    "session": (PolicyType.IDENTITY, None),
    "resource": (PolicyType.RESOURCE, None),
    "trust": (PolicyType.RESOURCE, TRUST_POLICY),
    "scp": (PolicyType.SERVICE_CONTROL, None),
    "rcp": (PolicyType.RESOURCE_CONTROL, None),
}
_SPOKEN: dict[FindingType, tuple[str, Colour]] = {
    FindingType.ERROR: ("error", "red"),
    FindingType.SECURITY_WARNING: ("security warning", "red"),
    FindingType.WARNING: ("warning", "yellow"),
    FindingType.SUGGESTION: ("suggestion", "dim"),
}


class Reviewed(msgspec.Struct, frozen=True):
    """One file: the kind of policy it was read as, the errors for which AWS would refuse it, and the findings."""

    name: str
    text: str
    kind: str
    refusal: MalformedPolicy | None
    findings: tuple[Finding, ...]

    def fails(self, *, strict: bool) -> bool:
        """Whether the file is not good enough."""
        fatal = (FindingType.ERROR, FindingType.SECURITY_WARNING) if strict else (FindingType.ERROR,)
        return self.refusal is not None or any(finding.finding_type in fatal for finding in self.findings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a policy document; - reads standard input")
    parser.add_argument(
        "--type",
        dest="kind",
        choices=tuple(_TYPES),
        help="what kind of policy it is (told from its principals, if any)",
    )
    parser.add_argument(
        "--attached-to",
        metavar="TYPE",
        help="the type of resource a resource policy belongs to, such as AWS::S3::Bucket",
    )
    parser.add_argument("--strict", action="store_true", help="security warnings count as errors")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Review every file; the exit code is 1 when one has an error or would be refused, 2 when one cannot be read."""
    attached_to = asked.attached_to
    if attached_to is not None and attached_to not in RESOURCE_TYPES:
        raise UserError(f"--attached-to takes one of {', '.join(RESOURCE_TYPES)}, not {attached_to!r}.")
    if attached_to is not None and asked.kind not in (None, "resource", "trust"):
        raise UserError("--attached-to is for resource policies.")
    reviewed, unread = [], []
    for name in asked.files:
        try:
            reviewed.append(_review_file(name, asked.kind, attached_to))
        except OSError as error:
            unread.append({"file": name, "error": error.strerror or str(error)})
    if out.as_json:
        said = {"files": [_as_json(each) for each in reviewed], "counts": _counts(reviewed)}
        out.value({**said, "unread": unread})
    elif reviewed:
        for each in reviewed:
            _print_file(each, out)
        out.line(_summary(reviewed))
    for missing in unread:
        out.remark(f"understudy: {missing['file']} cannot be read: {missing['error']}.")
    if unread:
        return _UNREAD
    return 1 if any(each.fails(strict=asked.strict) for each in reviewed) else 0


def _review_file(name: str, kind: str | None, attached_to: str | None) -> Reviewed:
    text = sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    if kind is None:
        kind = likely_kind(text) if attached_to is None else "resource"
    if attached_to == TRUST_POLICY:
        kind = "trust"
    policy_type, resource_type = _TYPES[kind]
    findings = validate_policy(text, policy_type, attached_to or resource_type, beyond_aws=True)
    refusal = None
    further = read().service_principals
    try:
        review(text, kind, is_service=lambda name: name in further or service_principals.is_known(name))
    except MalformedPolicy as error:
        refusal = error
    shown = "standard input" if name == STANDARD_INPUT else name
    return Reviewed(shown, text.decode("utf-8", "replace"), kind, refusal, findings)


def _print_file(reviewed: Reviewed, out: Output) -> None:
    out.line(out.paint(f"{reviewed.name}, read as {_article(reviewed.kind)} policy", "bold"))
    if reviewed.refusal is not None:
        position = reviewed.refusal.position
        where = "" if position is None else f" (line {position.line}, column {position.column})"
        out.line(f"  {out.paint('AWS would refuse it', 'red')}{where}: {printable(reviewed.refusal.message)}")
    elif not reviewed.findings:
        out.line(f"  {out.paint('nothing to say', 'green')}")
    for finding in reviewed.findings:
        out.line()
        _print_finding(reviewed, finding, out)
    out.line()


def _article(kind: str) -> str:
    spoken = {
        "scp": "service control",
        "rcp": "resource control",
        "boundary": "boundary",
        "managed": "managed",
    }
    word = spoken.get(kind, kind)
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _print_finding(reviewed: Reviewed, finding: Finding, out: Output) -> None:
    spoken, colour = _SPOKEN[finding.finding_type]
    first, *others = [location.span for location in finding.locations]
    also = f" (see {', '.join(_line_and_column(span.start) for span in others)})" if others else ""
    place = f"{reviewed.name}:{_line_and_column(first.start)}"
    out.line(f"  {place}: {out.paint(spoken, colour)} {out.paint(finding.issue_code, 'dim')}")
    shown = excerpt(reviewed.text, first)
    if shown is not None:
        line, marks = shown
        out.line(f"      {out.paint(line, 'dim')}")
        out.line(f"      {out.paint(marks, colour)}")
    for sentence in (f"{finding.details}{also}", finding.instead):
        if sentence:
            for part in wrapped(f"    {sentence}", width()):
                out.line(part)


def _line_and_column(position: Position) -> str:
    return f"{position.line}:{position.column}"


def _counts(reviewed: Sequence[Reviewed]) -> dict[str, int]:
    counts = Counter(finding.finding_type for each in reviewed for finding in each.findings)
    named = {finding_type.value: counts[finding_type] for finding_type in FindingType}
    return {**named, "refused": sum(each.refusal is not None for each in reviewed)}


def _summary(reviewed: Sequence[Reviewed]) -> str:
    counts = Counter(finding.finding_type for each in reviewed for finding in each.findings)
    told = [_plural(counts[kind], word) for kind, (word, _) in _SPOKEN.items() if counts[kind]]
    refused = sum(each.refusal is not None for each in reviewed)
    if refused:
        told.append(f"{refused} would be refused")
    return f"{_plural(len(reviewed), 'file')}: {', '.join(told) or 'nothing to say'}."


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _as_json(reviewed: Reviewed) -> dict[str, Any]:
    refusal = reviewed.refusal
    return {
        "file": reviewed.name,
        "type": reviewed.kind,
        "refused": None if refusal is None else {"message": printable(refusal.message), **_place(refusal)},
        "findings": [
            {
                "type": finding.finding_type.value,
                "code": finding.issue_code,
                "details": finding.details,
                "instead": finding.instead,
                "locations": list(_locations(finding)),
            }
            for finding in reviewed.findings
        ],
    }


def _place(refusal: MalformedPolicy) -> dict[str, int]:
    position = refusal.position
    return {} if position is None else {"line": position.line, "column": position.column}


def _locations(finding: Finding) -> Iterator[dict[str, Any]]:
    """Return the locations as ValidatePolicy does."""
    for location in finding.locations:
        yield {"path": [_step(asdict(step)) for step in location.path], "span": _span(location.span)}


def _span(span: Span) -> dict[str, dict[str, int]]:
    """Return a span as Access Analyzer does, which counts columns from 0."""
    return {
        name: {"line": each.line, "column": each.column - 1, "offset": each.offset}
        for name, each in (("start", span.start), ("end", span.end))
    }


def _step(step: dict[str, Any]) -> dict[str, Any]:
    if len(step) > 1:
        return {"substring": step}
    return {name: printable(value) if isinstance(value, str) else value for name, value in step.items()}
