"""The text of what uses a resource: a tree that fits the terminal, and what to do in order."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from understudy_aws.cli.wrapping import width, wrapped
from understudy_aws.core.printable import printable

# Words for kinds that are not the word in their ARNs.
_WORDS = {
    "ec2:dhcp-options": "DHCP options",
    "ec2:egress-only-internet-gateway": "egress-only internet gateway",
    "ec2:elastic-ip": "Elastic IP",
    "ec2:natgateway": "NAT gateway",
    "ec2:network-acl": "network ACL",
    "ec2:vpc": "VPC",
    "ec2:vpc-endpoint": "VPC endpoint",
    "ec2:vpc-endpoint-service": "VPC endpoint service",
    "ec2:vpc-flow-log": "flow log",
    "ec2:vpc-peering-connection": "VPC peering connection",
    "iam:policy": "managed policy",
    "organizations:ou": "organizational unit",
    "apprunner:autoscalingconfiguration": "auto scaling configuration",
    "apprunner:default-auto-scaling": "default auto scaling",
    "apprunner:observabilityconfiguration": "observability configuration",
    "apprunner:vpcconnector": "VPC connector",
    "apprunner:vpcingressconnection": "VPC ingress connection",
}
# Of the tags of a resource without a name so many are shown.
_MOST_TAGS = 2
_INDENT = 4


def tree_lines(tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of what uses a resource, for a terminal of the width there is."""
    yield from _below(tree, "", tree)


def _below(entry: Mapping[str, Any], bars: str, root: Mapping[str, Any]) -> Iterator[str]:
    entries = entry.get("used_by", [])
    more = entry.get("more", [])
    left = len(entries) + len(more)
    for each in entries:
        left -= 1
        unfolded = each.get("used_by") or each.get("more")
        yield from _entry(f"{label(each, root)}  {_says(each)}", bars, last=not left, below=bool(unfolded))
        yield from _below(each, bars + ("│   " if left else "    "), root)
    for each in more:
        left -= 1
        held = "" if each["holds"] else " (do not hold it)"
        text = f"and {each['count']:,} more {_plural(_word(each['kind']))}{held}"
        yield from _entry(text, bars, last=not left, below=False)


def _entry(text: str, bars: str, *, last: bool, below: bool) -> Iterator[str]:
    """Yield the lines of one entry: bars before it, and before what of it does not fit on the first line."""
    columns = width()
    head, tail = ("└── ", "    ") if last else ("├── ", "│   ")
    room = None if columns is None else max(20, columns - len(bars) - _INDENT)
    first, *rest = _fitted(printable(text), room)
    yield f"{bars}{head}{first}"
    for line in rest:
        yield f"{bars}{tail}{'│ ' if below else '  '}{line}"


def _fitted(text: str, room: int | None) -> list[str]:
    """Break an entry where its label ends when it is too long, and then between words."""
    if room is None or len(text) <= room:
        return [text]
    label, _, says = text.partition("  ")
    return [*wrapped(label, room), *wrapped(says, room - 2)]


def label(entry: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> str:
    """Return kind, id, name and tags of a resource, and where it is if that is not where the root is."""
    id, arn = entry["id"], entry["arn"]
    words = [_word(entry["kind"])]
    name = entry.get("name", "")
    if root is not None and id.startswith("arn:"):
        # Its ARN is long, and its name is in it.
        words.append(name or id.rpartition("/")[2])
    else:
        words.append(id)
        if name and name not in id:
            words.append(f'"{name}"')
    tags = {key: value for key, value in entry.get("tags", {}).items() if key != "Name"}
    if tags and not name:
        shown = [f"{key}={value}" for key, value in list(tags.items())[:_MOST_TAGS]]
        words.append(f"({', '.join(shown)})")
    if root is not None and arn:
        words += [
            f"in {entry[place]}"
            for place in ("region", "account")
            if entry.get(place) and root.get(place) and entry[place] != root[place]
        ]
    return " ".join(filter(None, words))


def _says(entry: Mapping[str, Any]) -> str:
    """Return how an entry stands to what is above it."""
    relation = entry["relation"]
    text = f"it {relation} this" if entry.get("outward") else f"{relation} it"
    if not entry["holds"]:
        text += " (does not hold it)" if not entry.get("outward") else ""
    if entry.get("repeated"):
        text += "; shown elsewhere"
    if entry.get("deeper"):
        text += "; is used itself"
    return text


def steps_lines(tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield what to do, in order: each operation, with the resources it is done to or between."""
    steps = tree["steps"]
    yield "Do this, in this order:" if len(steps) > 1 else "Do this:"
    columns = width()
    for number, step in enumerate(steps, 1):
        more = f" and {step['more']:,} more" if step.get("more") else ""
        other = f" with {step['with']}" if "with" in step else ""
        text = printable(f"{number:3}. {step['operation']}  {', '.join(step['resources'])}{more}{other}")
        yield from (
            [text]
            if columns is None
            else textwrap.wrap(
                text, columns, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False
            )
        )


def _word(kind: str) -> str:
    return _WORDS.get(kind) or kind.partition(":")[2].replace("-", " ")


def _plural(word: str) -> str:
    if word.endswith("s"):
        return word
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
