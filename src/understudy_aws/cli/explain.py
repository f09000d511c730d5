"""`understudy explain`: why a request was allowed or refused, or would be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.admin.requests import ExplainCall, ExplainQuestion
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Colour, Output
from understudy_aws.cli.resource_trees import label, steps_lines, tree_lines
from understudy_aws.cli.wrapping import width, wrapped
from understudy_aws.core.errors import UserError
from understudy_aws.core.printable import printable
from understudy_aws.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "understudy explain [WHICH] | --as ARN --action ACTION [--resource ARN] [--context KEY=VALUE ...]"
    )
    parser.epilog = (
        "Without WHICH it explains the latest call that was refused. When a text fits several calls, it explains the "
        "latest of them and says so. "
        "The exit code is 0 when the request was carried out or would be allowed, 1 when it was or would be "
        "refused, and 2 when there is nothing to explain: no such request or principal, or a question that is none."
    )
    parser.add_argument(
        "which",
        nargs="*",
        metavar="WHICH",
        help="a request id or its beginning, a number of the trail, or the text of an error, in quotes; - reads it "
        "from stdin",
    )
    parser.add_argument(
        "--as",
        dest="as_",
        metavar="ARN",
        help="who would ask: a user, a role, a role's session, an account's root, or a service principal",
    )
    parser.add_argument("--action", metavar="ACTION", help="what it would do, such as ec2:CreateVpc")
    parser.add_argument("--resource", metavar="ARN", default="*", help="what it would do it to (*)")
    parser.add_argument(
        "--context",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a condition key of the request; repeat it for several keys, or for several values of one",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Explain; the exit code is 0 when allowed, 1 when refused."""
    settings = settings_of(asked)
    ahead = asked.as_ or asked.action
    if asked.which and ahead:
        raise UserError("Give a request, or --as and --action; not both.")
    if not ahead:
        if asked.resource != "*" or asked.context:
            raise UserError(
                "--resource and --context are for a question: give --as ARN and --action ACTION too."
            )
        return _explain_call(settings, asked.which, out)
    if not (asked.as_ and asked.action):
        raise UserError("A question takes both --as ARN and --action ACTION.")
    question = ExplainQuestion(
        as_=asked.as_, action=asked.action, resource=asked.resource, context=context_of(asked.context)
    )
    answer = ask(settings, question)
    if out.as_json:
        out.value(answer)
    else:
        print_answer(answer, out)
        if any(each["verdict"] in {"can", "circumstances"} for each in answer["absent_keys"]):
            out.line("Say with --context KEY=VALUE what else the request would carry.")
    return 0 if answer["effect"] == "allow" else 1


def _explain_call(settings: Settings, words: Sequence[str], out: Output) -> int:
    text = sys.stdin.read() if list(words) == ["-"] else " ".join(words)
    if words and not text.strip():
        raise UserError(
            "There is nothing to explain in an empty text. Without one, the latest refusal is explained."
        )
    answer = ask(settings, ExplainCall(text=text))
    if answer["matching"] > 1:
        out.remark(f"That fits {answer['matching']} calls; this is the latest of them.")
    if out.as_json:
        out.value(answer)
    else:
        print_request(answer, out)
    return 1 if answer["refused"] else 0


def context_of(given: Sequence[str]) -> dict[str, str | list[str]]:
    """Read condition keys from `KEY=VALUE` words; a key given twice holds a list. Raises UserError."""
    context: dict[str, str | list[str]] = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UserError(f"--context takes KEY=VALUE, not {word!r}.")
        before = context.get(key)
        if before is None:
            context[key] = value
        else:
            context[key] = [*(before if isinstance(before, list) else [before]), value]
    return context


def print_request(answer: Mapping[str, Any], out: Output) -> None:
    """Print a request that was made, its questions to the policies, and those of the calls made for it."""
    call = answer["call"]
    outcome = call.get("outcome", "ok")
    answered = f"{outcome}, because IAM is {call['mode']}" if answer["waived"] else outcome
    columns = width()
    colour: Colour | None
    for name, value, colour in (
        ("request", call["request_id"], None),
        ("at", call["at"], None),
        ("caller", call["caller"]["arn"], None),
        ("call", f"{call['service']}:{call['operation']} in {call.get('region', '')}", None),
        ("answer", answered, "green" if answered == "ok" else "red"),
        # EC2's encoded message is for decoding, and this is it decoded.
        ("message", call.get("message", "").partition(" Encoded authorization failure message")[0], None),
    ):
        if value or name != "message":
            first, *rest = wrapped(printable(f"{name.ljust(7)}  {value}"), columns)
            label, shown = first[:7], first[7:]
            out.line(f"{out.paint(label, 'bold')}{out.paint(shown, colour) if colour else shown}")
            for line in rest:
                out.line(line)
    for question in answer["questions"]:
        out.line()
        print_answer(question, out)
    for made in answer["made_for_it"]:
        out.line()
        inner = made["call"]
        by = f" by {inner['caller']['arn']}" if inner.get("during") else ""
        out.line(f"For it, {inner['service']}:{inner['operation']} was called{by}:")
        for question in made["questions"]:
            print_answer(question, out)
    out.line()
    _print_wrapped(answer["summary"], out)
    if answer["uses"]:
        _print_uses(answer["uses"], out)


def _print_uses(uses: Mapping[str, Any], out: Output) -> None:
    """Print what held the resource of a refused deletion, and what to do first."""
    when = "as it was then" if uses["as_of"] == "refusal" else "as it is now (of then it was not kept)"
    if uses.get("failure"):
        _print_wrapped(f"The deletion that it asked for failed: {uses['failure']}", out)
    out.line()
    _print_wrapped(f"This uses {label(uses)}, {when}:", out)
    for line in tree_lines(uses):
        out.line(line)
    out.line()
    for line in steps_lines(uses):
        out.line(line)


def print_answer(question: Mapping[str, Any], out: Output) -> None:
    """Print the policy engine's text with the verdict in colour, and the remarks."""
    columns = width()
    verdict, *rest = question["text"].split("\n")
    for line in wrapped(verdict, columns):
        out.line(out.paint(line, "green" if question["effect"] == "allow" else "red"))
    for line in rest:
        _print_wrapped(line, out)
    for remark in (question.get("note"), question.get("now")):
        for line in filter(None, (remark or "").split("\n")):
            for part in wrapped(line, columns):
                out.line(out.paint(part, "yellow"))


def _print_wrapped(text: str, out: Output) -> None:
    for line in wrapped(text, width()):
        out.line(line)
