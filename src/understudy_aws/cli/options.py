"""The options every command takes, and the settings they make."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping

from understudy_aws.core.errors import UserError
from understudy_aws.settings import DEFAULTS, Settings, read

FLAGS = frozenset({"-h", "--help", "--version", "--json", "--no-color", "--tls", "--no-tls"})

# What each setting's option takes, and what its help says. The default follows in brackets.
_OPTIONS: Mapping[str, tuple[str, str]] = {
    "state": ("DIR", "where the state is: a directory, or memory:"),
    "port": ("PORT", "the port to listen on; 0 takes a free one"),
    "account": ("ID", "the account, 12 digits"),
    "host": ("ADDRESS", "the address to listen on"),
    "iam": ("MODE", "strict, soft or off"),
    "clock": ("DIAL", "instant or aws"),
    "seed": ("NUMBER", "draws the aws clock's waiting times"),
    "trail": ("CALLS", "how many calls the trail keeps"),
    "synchronous": ("MODE", "normal, or full against power cuts"),
    "tls": ("", "serve HTTPS with a certificate authority of the state's own"),
    "identity_providers": ("HOSTS", "issuers of tokens that may be asked for their keys, with commas"),
    "known_service_principals": ("NAMES", "service principals that count as AWS's too, with commas"),
    "registry": (
        "PREFIX=PLACE",
        "what stands for ECR: a URL, oci:/DIRECTORY, docker-archive:/DIRECTORY or docker-daemon:, with commas",
    ),
    "tls_certificate": ("FILE", "serve HTTPS with this chain and key (PEM)"),
    "ingress": ("HOST:PORT", "where requests to services are taken"),
    "request_seconds": ("SECONDS", "how long a request to a service may take"),
}
# What an option is to a command that starts no server.
_ADDRESSED = {"port": "the port of the server"}
# What a default that is no constant is called.
_CALLED = {
    "state": "understudy in your state directory",
    "account": "the first of the state; 000000000000 in a new one",
    "tls": "no",
    "identity_providers": "those on this machine alone",
    "known_service_principals": "none besides AWS's",
    "registry": "images built here, then ECR",
    "tls_certificate": "none",
    "ingress": "127.0.0.1:4567; in memory a free port",
}
SETTINGS = frozenset(DEFAULTS)
# The settings that say which server or state is meant. Commands that start no server show only these.
ADDRESSING = frozenset({"state", "port", "account"})


def add_options(
    parser: argparse.ArgumentParser,
    *,
    defaults: Mapping[str, str | int] | None = None,
    shown: Collection[str] = SETTINGS,
) -> None:
    """Declare the options, which may stand before or after the command's name.

    `defaults` are those settings for which the command has a default of its own. The help has those that are `shown`.
    """
    group = parser.add_argument_group("settings")
    own = defaults or {}
    for name, (metavar, of_the_server) in _OPTIONS.items():
        sentence = of_the_server if "host" in shown else _ADDRESSED.get(name, of_the_server)
        option = f"--{name.replace('_', '-')}"
        default = own.get(name, _CALLED.get(name, DEFAULTS[name]))
        text = f"{sentence} ({default})" if name in shown else argparse.SUPPRESS
        # Suppressed, so that an option before the command is not forgotten by the command's own parser.
        if isinstance(DEFAULTS[name], bool):
            group.add_argument(
                option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
            )
        else:
            group.add_argument(option, metavar=metavar, default=argparse.SUPPRESS, help=text)
    group.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="answer in JSON, for programs"
    )
    group.add_argument(
        "--no-color", action="store_true", default=argparse.SUPPRESS, help="no colours, as NO_COLOR=1"
    )


def caller_named(text: str) -> str:
    """Return what `--as` names: an ARN, or a service principal. A bare name fits no call, and raises UserError."""
    if text and ":" not in text and "." not in text:
        raise UserError(f"--as takes an ARN, such as arn:aws:iam::111122223333:user/ann, not {text!r}.")
    return text


def settings_of(asked: argparse.Namespace, **instead: str | int) -> Settings:
    """The settings asked for, over those of the environment. Raises UserError for a value that is none."""
    given: dict[str, str | int | None] = {name: getattr(asked, name, None) for name in DEFAULTS}
    return read(None, **{**given, **instead})


def settings_of_own_server(asked: argparse.Namespace, defaults: Mapping[str, str | int]) -> Settings:
    """The settings of a server that a command starts for itself: `defaults` count unless an option says otherwise."""
    own = {name: getattr(asked, name, value) for name, value in defaults.items()}
    return settings_of(asked, **own, host="127.0.0.1")
