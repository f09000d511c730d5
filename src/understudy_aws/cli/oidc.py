"""`understudy oidc add|issue|list`: issuers of tokens that stand here for GitHub, GitLab, an EKS cluster or others."""

from __future__ import annotations

import argparse
import difflib
import os
from pathlib import Path
from typing import Any

import msgspec

from understudy_aws.admin.requests import AddIssuer, IssueToken, ListIssuers
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError

_VERBS = ("add", "issue", "list")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "understudy oidc add ISSUER [--jwks FILE] | issue [ISSUER] [--claim NAME=VALUE]... | list  [options]"
    )
    parser.epilog = (
        "add registers an issuer, github, gitlab, eks or a URL, with a key of its own or with the public keys in FILE. "
        "issue prints a token as that issuer would make it: claims that are not given are made up, and the subject "
        "follows from them, as from repository, ref, environment and event_name of GitHub. Roles trust it where the "
        "account has an OpenID Connect provider of the issuer's URL."
    )
    parser.add_argument("verb", metavar="|".join(_VERBS), help="what to do")
    parser.add_argument("issuer", nargs="?", metavar="ISSUER", help="github, gitlab, eks or a URL")
    parser.add_argument("--jwks", metavar="FILE", help="the issuer's public keys, as it publishes them")
    parser.add_argument(
        "--claim",
        action="append",
        metavar="NAME=VALUE",
        help="a claim of the token; NAME:=JSON for one that is no text",
    )
    parser.add_argument("--audience", metavar="NAME", help="whom the token is for: sts.amazonaws.com")
    parser.add_argument("--lifetime", type=int, metavar="SECONDS", help="how long it is valid")
    parser.add_argument("--file", metavar="FILE", help="write the token there, readable by you alone")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Register an issuer, mint a token, or list the issuers."""
    if asked.verb not in _VERBS:
        close = difflib.get_close_matches(asked.verb, _VERBS, 1)
        meant = f"did you mean {close[0]}?" if close else "it takes add, issue or list."
        raise UserError(f"`understudy oidc` has no {asked.verb!r}; {meant}")
    settings = settings_of(asked)
    if asked.verb == "list":
        _list(ask(settings, ListIssuers())["issuers"], out)
    elif asked.verb == "add":
        if not asked.issuer:
            raise UserError("Which issuer? For example: understudy oidc add github")
        _added(ask(settings, AddIssuer(issuer=asked.issuer, keys=_read(asked.jwks))), out)
    else:
        claims = _claims(asked.claim or [])
        if asked.audience is not None:
            claims["aud"] = asked.audience
        request = IssueToken(issuer=asked.issuer or "", claims=claims, seconds=_seconds(asked.lifetime))
        _issued(ask(settings, request), asked.file, out)
    return 0


def _claims(given: list[str]) -> dict[str, Any]:
    claims: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.rstrip(":"):
            raise UserError(f"A claim is NAME=VALUE or NAME:=JSON, not {each!r}.")
        if not name.endswith(":"):
            claims[name] = value
            continue
        try:
            claims[name[:-1]] = msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            raise UserError(f"{value!r} is no JSON; {name[:-1]}={value} would be a text.") from error
    return claims


def _seconds(given: int | None) -> int | None:
    if given is not None and not 1 <= given <= 10**9:
        raise UserError("A token is valid for 1 to 1000000000 seconds.")
    return given


def _read(path: str | None) -> str:
    if path is None:
        return ""
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _added(done: dict[str, Any], out: Output) -> None:
    if out.as_json:
        out.value(done)
        return
    issuer = done["issuer"]
    if done["mints"]:
        out.line(f"{issuer} mints tokens here: `understudy oidc issue {issuer}`.")
    else:
        out.line(f"Tokens of {issuer} are verified by {len(done['keys'])} of its keys.")
    out.line("An account trusts it once it has a provider for it:")
    out.line(f"  aws iam create-open-id-connect-provider --url {issuer} --client-id-list sts.amazonaws.com")


def _issued(done: dict[str, Any], path: str | None, out: Output) -> None:
    if path is not None:
        try:
            # A file that is there keeps its mode; what is in it is gone before anybody else could read the new.
            Path(path).unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(done["token"])
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error}") from error
    if out.as_json:
        out.value(done)
    elif path is None:
        out.line(done["token"])
    else:
        out.line(f"{path} has a token about {done['claims']['sub']}.")


def _list(found: list[dict[str, Any]], out: Output) -> None:
    if out.as_json:
        out.value({"issuers": found})
        return
    if not found:
        out.line("There are none. For example: understudy oidc add github")
        return
    out.table(
        ("ISSUER", "MINTS", "KEYS", "TRUSTED BY"),
        [
            (
                each["issuer"],
                "yes" if each["mints"] else "no",
                str(len(each["keys"])),
                ", ".join(each["accounts"]) or "no account",
            )
            for each in found
        ],
    )
