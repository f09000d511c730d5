"""`understudy env`: what a client needs to talk to the server, as shell lines or as an AWS profile."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy_aws.admin.requests import ListAccounts
from understudy_aws.cli import client_environment
from understudy_aws.cli.admin_client import ask, no_server, running_server
from understudy_aws.cli.invocation import program
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.profiles import read_profile, read_text, with_profile, write_private
from understudy_aws.cli.server_files import Keys, ServerFiles, files_of
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings

# Settings of a profile that would make a client use other keys, or another server, than those written.
_MISLEADING = (
    "role_arn", "source_profile", "credential_source", "credential_process", "web_identity_token_file",
    "sso_session", "sso_account_id", "sso_role_name", "sso_start_url", "sso_region", "services", "mfa_serial",
    "ignore_configured_endpoint_urls",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", metavar="NAME", help="write this AWS profile instead of printing")
    parser.add_argument(
        "--force", action="store_true", help="write the profile even over one that is not ours"
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Print export lines, or write a profile. Raises UserError when no server runs or there are no keys to give."""
    settings = settings_of(asked)
    server = running_server(settings)
    if server is None:
        raise no_server(settings)
    endpoint, keys = server.endpoint, _keys(settings)
    if asked.profile:
        write_profile(
            asked.profile, endpoint, keys, os.environ, force=asked.force, ca_bundle=server.ca_bundle
        )
        if out.as_json:
            out.value({"profile": asked.profile, "endpoint": endpoint})
        else:
            out.line(
                f"Profile {asked.profile} is written: aws --profile {asked.profile} sts get-caller-identity"
            )
        return 0
    variables = client_environment.to_set(endpoint, keys, os.environ, server.ca_bundle)
    if out.as_json:
        out.value(variables)
        return 0
    for name in client_environment.to_unset(os.environ):
        if name in os.environ:
            out.line(f"unset {name}")
    for name, value in variables.items():
        out.line(f"export {name}={shlex.quote(value)}")
    return 0


def _keys(settings: Settings) -> Keys:
    """Return the keys of the account asked for, or of the first. Raises UserError with the way in if there are none."""
    files = files_of(settings)
    account = settings.account or next(iter(files.accounts()), settings.first_account)
    keys = files.read_keys(account)
    if keys is None:
        raise _no_keys(account, ask(settings, ListAccounts())["accounts"], files)
    return keys


def _no_keys(account: str, known: Sequence[Mapping[str, Any]], files: ServerFiles) -> UserError:
    found = next((each for each in known if each["id"] == account), None)
    if found is None:
        there = ", ".join(each["id"] for each in known)
        return UserError(f"There is no account {account}; there is {there or 'none yet'}.")
    if found["role"]:
        return UserError(
            f"Account {account} was made by Organizations and has no keys of its own. With the keys of its management "
            f"account {found['management']}, assume its role: aws sts assume-role --role-arn {found['role']} "
            "--role-session-name admin"
        )
    if found["administrator"]:
        return UserError(
            f"{files.credentials} has no keys for account {account}; `{program()} account rotate-keys {account}` "
            "makes new ones."
        )
    return UserError(f"Account {account} has no user Administrator, so there are no keys to give.")


def write_profile(
    name: str,
    endpoint: str,
    keys: Keys,
    environment: Mapping[str, str],
    *,
    force: bool,
    ca_bundle: str = "",
) -> None:
    """Write a profile into AWS's config and credentials files, and leave all else in them alone.

    Raises UserError when a profile of that name is there which no endpoint says is ours.
    """
    if not name.strip() or any(character in name for character in "[]\n\r\"'"):
        raise UserError(f"{name!r} cannot be a profile's name.")
    config = _file(environment, "AWS_CONFIG_FILE", "config")
    credentials = _file(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
    section = "default" if name == "default" else f"profile {name}"
    config_text, credentials_text = read_text(config), read_text(credentials)
    known = read_profile(config_text, section)
    theirs = known or read_profile(credentials_text, name)
    if theirs and "endpoint_url" not in (known or {}) and not force:
        raise UserError(
            f"There is a profile {name} already that is not ours; choose another name, or say --force."
        )
    settings: dict[str, str | None] = dict.fromkeys(_MISLEADING)
    # A region somebody chose stays.
    settings |= {"region": (known or {}).get("region", client_environment.REGION), "endpoint_url": endpoint}
    settings["ca_bundle"] = ca_bundle or None
    secrets: dict[str, str | None] = dict.fromkeys((*_MISLEADING, "aws_session_token"))
    secrets |= {"aws_access_key_id": keys.access_key_id, "aws_secret_access_key": keys.secret_access_key}
    write_private(credentials, with_profile(credentials_text, name, secrets))
    write_private(config, with_profile(config_text, section, settings))


def _file(environment: Mapping[str, str], variable: str, name: str) -> Path:
    home = environment.get("HOME")
    if not environment.get(variable) and home is not None and not Path(home).is_absolute():
        raise UserError(
            f"HOME is no directory, so there is no place for AWS's files; set HOME or {variable}."
        )
    return Path(environment.get(variable) or f"~/.aws/{name}").expanduser()
