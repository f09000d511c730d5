"""`understudy saml metadata | issue`: an identity provider of one's own, so that roles can be assumed through SAML."""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.clock import SystemClock
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import UserError

if TYPE_CHECKING:
    from understudy_aws.cli import saml_identity_provider
else:
    saml_identity_provider = deferred("understudy_aws.cli.saml_identity_provider")

_SIGN_IN = "https://signin.aws.amazon.com/saml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "understudy saml metadata | issue --role ARN --provider ARN  [options]"
    parser.epilog = (
        "metadata prints the document that `aws iam create-saml-provider` takes. issue prints a response, good for "
        "five minutes, as `aws sts assume-role-with-saml --saml-assertion` takes it. The key that signs is made at "
        "first and kept with the state, for its owner alone."
    )
    parser.add_argument("verb", metavar="metadata|issue", help="what to print")
    parser.add_argument("--role", default="", metavar="ARN", help="the role to be assumed")
    parser.add_argument(
        "--provider", default="", metavar="ARN", help="the SAML provider that the role trusts"
    )
    parser.add_argument("--subject", default="somebody", metavar="NAME", help="whom it is about (somebody)")
    parser.add_argument("--session", default="", metavar="NAME", help="the session's name (the subject)")
    parser.add_argument("--duration", default="", metavar="SECONDS", help="how long sessions may last")
    parser.add_argument("--source-identity", default="", metavar="NAME", help="the session's source identity")
    parser.add_argument("--recipient", default=_SIGN_IN, metavar="URL", help=f"whom it is for ({_SIGN_IN})")
    parser.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="a session tag")
    parser.add_argument(
        "--transitive", action="append", default=[], metavar="KEY", help="a tag that later roles inherit"
    )
    parser.add_argument(
        "--attribute",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an attribute more, by its whole name",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Print metadata or a response of the identity provider that is kept with the state."""
    directory = _directory(asked)
    now = SystemClock().now()
    if asked.verb == "metadata":
        text = saml_identity_provider.identity_provider_in(directory, now).metadata().decode()
        if out.as_json:
            out.value({"metadata": text})
        else:
            sys.stdout.write(text)
        return 0
    if asked.verb != "issue":
        raise UserError(f"`understudy saml` has no {asked.verb!r}; it takes metadata or issue.")
    if not asked.role or not asked.provider:
        raise UserError("Which role, through which provider? Say --role ARN --provider ARN.")
    attributes = _attributes(asked)
    try:
        response = saml_identity_provider.identity_provider_in(directory, now).response(
            asked.subject, attributes, now, recipient=asked.recipient
        )
    except ValueError as error:
        # A character that XML does not have.
        raise UserError(f"That cannot be said in XML: {error}") from error
    assertion = base64.b64encode(response).decode()
    if out.as_json:
        out.value({"assertion": assertion})
    else:
        sys.stdout.write(f"{assertion}\n")
    return 0


def _directory(asked: argparse.Namespace) -> Path:
    settings = settings_of(asked)
    if settings.in_memory:
        raise UserError("The key is kept with the state, which is in memory here; say --state DIR.")
    return settings.directory


def _attributes(asked: argparse.Namespace) -> dict[str, list[str]]:
    """Return the attributes of the assertion, AWS's and others."""
    aws = saml_identity_provider.ATTRIBUTES
    found = {
        f"{aws}Role": [f"{asked.role},{asked.provider}"],
        f"{aws}RoleSessionName": [asked.session or asked.subject],
    }
    for name, value in (("SessionDuration", asked.duration), ("SourceIdentity", asked.source_identity)):
        if value:
            found[f"{aws}{name}"] = [value]
    for key, value in _pairs("--tag", asked.tag):
        found.setdefault(f"{aws}PrincipalTag:{key}", []).append(value)
    if asked.transitive:
        found[f"{aws}TransitiveTagKeys"] = list(asked.transitive)
    for name, value in _pairs("--attribute", asked.attribute):
        found.setdefault(name, []).append(value)
    return found


def _pairs(option: str, given: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is written NAME=VALUE. Raises UserError for what is not."""
    pairs = []
    for each in given:
        # Names of attributes are URLs, which may have such a sign too.
        name, sign, value = each.rpartition("=") if option == "--attribute" else each.partition("=")
        if not sign or not name:
            raise UserError(f"{option} takes NAME=VALUE, not {each!r}.")
        pairs.append((name, value))
    return pairs
