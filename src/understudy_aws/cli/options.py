"""The options every command takes, and the settings they make."""

from __future__ import annotations

import argparse

from understudy_aws.settings import Settings, read

FLAGS = frozenset({"-h", "--help", "--version", "--json", "--no-color"})
_NAMES = ("state", "host", "port", "account", "iam", "synchronous", "clock", "seed", "tls_certificate")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options; they may stand before or after the command's name."""
    group = parser.add_argument_group("settings")
    # Suppressed, so that an option before the command is not forgotten by the command's own parser.
    nothing = argparse.SUPPRESS
    group.add_argument(
        "--state", metavar="DIR", default=nothing, help="where the state is: a directory, or memory:"
    )
    group.add_argument(
        "--host", metavar="ADDRESS", default=nothing, help="the address to listen on (127.0.0.1)"
    )
    group.add_argument(
        "--port", metavar="PORT", default=nothing, help="the port to listen on (4566; 0: a free one)"
    )
    group.add_argument(
        "--account", metavar="ID", default=nothing, help="the account: 12 digits (000000000000)"
    )
    group.add_argument("--iam", metavar="MODE", default=nothing, help="strict, soft or off (strict)")
    group.add_argument(
        "--synchronous", metavar="MODE", default=nothing, help="normal, or full against power cuts (normal)"
    )
    group.add_argument("--clock", metavar="DIAL", default=nothing, help="instant or aws (instant)")
    group.add_argument(
        "--seed", metavar="NUMBER", default=nothing, help="draws the aws clock's waiting times (0)"
    )
    group.add_argument(
        "--tls-certificate", metavar="FILE", default=nothing, help="serve HTTPS with this chain and key (PEM)"
    )
    group.add_argument("--json", action="store_true", default=nothing, help="answer in JSON, for programs")
    group.add_argument("--no-color", action="store_true", default=nothing, help="no colours, as NO_COLOR=1")


def settings_of(asked: argparse.Namespace, **instead: str | int) -> Settings:
    """The settings asked for, over those of the environment. Raises UserError for a value that is none."""
    given: dict[str, str | int | None] = {name: getattr(asked, name, None) for name in _NAMES}
    return read(None, **{**given, **instead})
