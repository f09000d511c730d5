"""`understudy services`: App Runner's services, and how they do."""

from __future__ import annotations

import argparse
from typing import Any

from understudy_aws.admin.requests import ListServiceStates
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output, shortened, spoken
from understudy_aws.core.printable import printable

# So many characters of what keeps a service from being as it should: the list is read every day.
_MOST = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "`understudy status SERVICE` says more of one, also why the last operation on it failed."
    parser.add_argument("--region", default="", help="only those of one Region")


def run(asked: argparse.Namespace, out: Output) -> int:
    """List the services that are not deleted."""
    found = ask(settings_of(asked), ListServiceStates(region=asked.region))["services"]
    if out.as_json:
        out.value({"services": found})
        return 0
    if not found:
        out.line("There are none. `aws apprunner create-service` makes one.")
        return 0
    rows = [
        (
            each["name"], _status(each).partition(" since ")[0], str(len(each["instances"])),
            each["url"] or "private", each["region"], each["account"],
        )
        for each in found
    ]  # fmt: skip
    out.table(("NAME", "STATUS", "INSTANCES", "URL", "REGION", "ACCOUNT"), rows)
    for each in found:
        operation = each["operation"]
        if operation is not None and operation["ended"] and operation["reason"]:
            ago = spoken(operation["ended_seconds_ago"])
            _remark(f"{each['name']}: {operation['type']} failed {ago} ago. {operation['reason']}", out)
        for problem in each["problems"]:
            _remark(f"{each['name']}, since {problem['since']}: {problem['text']}", out)
    return 0


def _remark(text: str, out: Output) -> None:
    """Print a remark in one line; `understudy status SERVICE` has the whole."""
    out.remark(printable(shortened(text, _MOST)))


def describe_one(service: dict[str, Any], out: Output) -> None:
    """Print all that is known of one service."""
    facts = [
        ("service", service["arn"]),
        ("status", _status(service)),
        ("url", service["url"] or "none, it is private"),
    ]
    version = service["version"]
    if version is not None:
        facts.append(("version", version["commit"] or version["image"]))
    facts += [
        ("instance", _instance(each, is_running=service["status"] == "RUNNING"))
        for each in service["instances"]
    ]
    operation = service["operation"]
    if operation is not None:
        facts.append(("operation", f"{operation['type']} {operation['status']}, of {operation['accepted']}"))
        if operation["reason"]:
            facts.append(
                ("waits" if operation["ended"] is None else "reason", printable(operation["reason"]))
            )
    facts += [
        ("problem", f"{printable(each['text'])} (since {each['since']})") for each in service["problems"]
    ]
    out.facts(facts)


def _status(service: dict[str, Any]) -> str:
    since = service.get("asleep_since")
    return (
        f"{service['status']}, asleep since {since}; wakes with the next request"
        if since
        else service["status"]
    )


def _instance(instance: dict[str, Any], *, is_running: bool) -> str:
    """Return what is said of an instance, with how it does where a node runs it and it isn't well."""
    said = f"{instance['id']} {instance['purpose']}, {instance['interface'] or instance['address']}"
    if instance.get("state", "healthy") == "healthy":
        return said
    again = ""
    if is_running and instance["pause"]:
        again = f" It is started again {instance['pause']:.0f} s after that."
    return f"{said}; {instance['state']}: {printable(instance['reason'])}{again}"
