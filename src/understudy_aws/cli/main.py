"""The command `understudy`: it loads the module of one command, runs it, and prints failures as sentences."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from understudy_aws import __version__
from understudy_aws.cli.loading import load
from understudy_aws.cli.options import ADDRESSING, FLAGS, add_options
from understudy_aws.cli.output import Output
from understudy_aws.cli.printable import make_streams_safe
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import InternalError, UserError
from understudy_aws.core.printable import printable

if TYPE_CHECKING:
    import difflib
else:
    difflib = deferred("difflib")

_OTHER_SETTINGS = "The other settings are in `understudy up --help`."

# What a shell reports of a command stopped with Ctrl-C.
_INTERRUPTED = 130
_USAGE = 2
_BUG = 70
_HELP = "help"

SUMMARY = (
    "AWS App Runner on your own machine: services run and reach into your VPCs, and IAM decides every call"
)
"""What this is; the README and the package say the same."""

COMMANDS = {
    "up": "start a server and keep its state",
    "exec": "run a command against a server that lives as long as the command",
    "stop": "stop the server",
    "env": "print the environment a client needs, or write an AWS profile",
    "status": "say what is running and what it holds",
    "doctor": "look over this machine and say what works here",
    "backup": "copy the state into a file, also while a server uses it",
    "restore": "put a copy in the place of the state",
    "reset": "forget everything and make the account anew",
    "roles": "list the service-linked roles, and which exist",
    "uses": "say what uses a resource, and what to delete before it",
    "explain": "say why a request was allowed or refused, or would be",
    "who-can": "list everybody who can do something, also through roles, and why",
    "prove": "prove who cannot do something, or show a request that does",
    "review": "check policy documents, and say what to write instead",
    "trail": "list the calls that were made",
    "record": "write the least-privilege policy for what was called",
    "attach": "run a program with a network interface of a VPC as its only network",
    "shell": "open a shell with a network interface of a VPC as its only network",
    "reach": "say whether a connection passes, and what refuses it",
    "services": "list App Runner's services, and how they do",
    "events": "list what has happened to App Runner's services, and follow it",
    "flows": "show what goes over network interfaces now, accepted and rejected",
    "logs": "print the log lines of a service, and follow them",
    "connection": "approve a connection of App Runner's, as AWS's console does, or list them all",
    "domain": "take a custom domain's DNS records as found, or list the domains",
    "oidc": "stand in for an identity provider such as GitHub, and mint its tokens",
    "delegation": "be a product that asks accounts for temporary permissions",
    "image": "build an image for services from a Dockerfile, or list those that were built",
    "rehearse": "use a VPC connector as App Runner would, through its networking role",
    "demo": "run a service and its database, and walk the life of App Runner's networking role, against a real server",
    "saml": "be an identity provider, whose assertions assume roles through SAML",
    "account": "add an account, list them all, or rotate an administrator's keys",
    "version": "print the version",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}. See `{self.prog} --help`.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers its exit code: 0 done, 1 no, 2 asked wrongly or impossible, 70 our own mistake."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    make_streams_safe()
    try:
        try:
            return _run(given)
        finally:
            # Here, where a closed pipe is caught, and not when Python ends.
            sys.stdout.flush()
    except (UserError, InternalError) as error:
        _complain(str(error))
        return _USAGE if isinstance(error, UserError) else _BUG
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _complain(f"{error.strerror or error}{where}.")
        return _USAGE
    except Exception as error:
        # A mistake of ours is still no reason to show a person a trace.
        if os.environ.get("UNDERSTUDY_DEBUG"):
            raise
        _complain(f"it failed inside: {type(error).__name__}: {error}. UNDERSTUDY_DEBUG=1 shows where.")
        return _BUG


def _complain(sentence: str) -> None:
    for line in f"understudy: {sentence}".split("\n"):
        print(printable(line), file=sys.stderr)


def _run(given: list[str]) -> int:
    if given[:1] == [_HELP]:
        # As its own --help; a second word may be a command or nothing of ours.
        given = [*(word for word in given[1:2] if word != _HELP), "--help"]
    words, command_line = _split_command_line(given)
    parser = Parser(
        prog="understudy",
        description=f"{SUMMARY}.",
        epilog=(
            "Every setting can also be given as UNDERSTUDY_<NAME> in the environment. Exit codes: 0 done, or yes; "
            "1 no; 2 asked wrongly, or impossible; 70 a mistake of Understudy's; exec, record, attach and shell "
            "give their command's."
        ),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"understudy {__version__}")
    choices = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", parser_class=Parser)
    add_options(parser)
    chosen = _command_in(words)
    for name, sentence in COMMANDS.items():
        command = choices.add_parser(
            name, help=sentence, description=f"{sentence[:1].upper()}{sentence[1:]}.", allow_abbrev=False
        )
        if name == chosen:
            # Its own options first; then the settings, those alone that matter to it.
            module = load(name)
            module.add_arguments(command)
            shown = getattr(module, "SHOWN", ADDRESSING)
            add_options(command, defaults=getattr(module, "DEFAULTS", None), shown=shown)
            if shown is ADDRESSING:
                command.epilog = f"{command.epilog or ''} {_OTHER_SETTINGS}".strip()
        else:
            add_options(command)
    choices.add_parser(_HELP, help="show the help of a command: understudy help COMMAND")
    asked, unknown = parser.parse_known_args(words)
    if unknown:
        raise _not_taken(unknown[0], choices.choices[asked.command] if asked.command else parser)
    if asked.command is None:
        parser.print_help()
        return 0
    asked.command_line = [*getattr(asked, "command_line", []), *command_line]
    out = Output(as_json=getattr(asked, "json", False), colour=not getattr(asked, "no_color", False))
    code: int = load(asked.command).run(asked, out)
    return code


def _not_taken(word: str, parser: argparse.ArgumentParser) -> UserError:
    """Return the error for a word that a command does not take, with the option that may be meant."""
    option = word.partition("=")[0]
    if not option.startswith("-"):
        return UserError(f"`{parser.prog}` takes no {word!r} there. See `{parser.prog} --help`.")
    known = [name for action in parser._actions for name in action.option_strings]  # noqa: SLF001 - argparse has no other list
    close = difflib.get_close_matches(option, known, 1, 0.7)
    meant = f"did you mean {close[0]}?" if close else f"see `{parser.prog} --help`."
    return UserError(f"`{parser.prog}` has no option {option}; {meant}")


def _split_command_line(given: list[str]) -> tuple[list[str], list[str]]:
    """Split the words at `--`: argparse reads those before it, and those after it are another program's command."""
    if "--" not in given:
        return given, []
    at = given.index("--")
    return given[:at], given[at + 1 :]


def _command_in(words: Sequence[str]) -> str | None:
    """Find the command among the words, so that only its module is loaded. Raises UserError for an unknown one."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word not in FLAGS and "=" not in word
        elif word in COMMANDS:
            return word
        else:
            close = difflib.get_close_matches(word, [*COMMANDS, _HELP], 1)
            meant = f"did you mean {close[0]}?" if close else "see `understudy --help`."
            raise UserError(f"There is no command {word!r}; {meant}")
    return None
