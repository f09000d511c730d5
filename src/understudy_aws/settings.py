"""Every setting: its name, its default, one sentence; read from the environment here and only here."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import UserError

if TYPE_CHECKING:
    import difflib
else:
    difflib = deferred("difflib")

IamMode = Literal["strict", "soft", "off"]
ClockDial = Literal["instant", "aws"]
Synchronous = Literal["normal", "full"]

DEFAULT_ACCOUNT = "000000000000"
_INGRESS_PORT = 4567


class Settings(NamedTuple):
    """What a server is started with. Each field is `UNDERSTUDY_<FIELD>` in the environment, and an option of `up`."""

    host: str = "127.0.0.1"
    """The address to listen on; anything but a loopback address opens the server to the network."""

    port: int = 4566
    """The port to listen on; 0 takes a free one."""

    state: str = ""
    """Where the state is: a directory, or `memory:`; by default `understudy` in the user's state directory."""

    account: str = ""
    """An account's 12 digits; by default the first one of the state, which is 000000000000 in a new state."""

    iam: IamMode = "strict"
    """`strict` refuses what policies refuse; `soft` notes what the caller's own refuse, `off` asks none of these."""

    clock: ClockDial = "instant"
    """`instant` does background work before the answer that asks for it; `aws` takes AWS's time, also to know roles."""

    seed: int = 0
    """Draws the waiting times of the `aws` clock, and nothing secret."""

    synchronous: Synchronous = "normal"
    """`normal` answers when a crash of the server loses nothing; `full` when a power cut loses nothing either."""

    trail: int = 100_000
    """How many calls the trail keeps."""

    tls: bool = False
    """Serve HTTPS with a certificate made here, of a certificate authority that is kept with the state."""

    known_service_principals: str = ""
    """Service principals that trust policies may name besides those known to be AWS's, with commas between them."""

    tls_certificate: str = ""
    """A PEM file with certificate chain and key to serve HTTPS with, instead of a certificate made here."""

    registry: str = ""
    """What stands for registries of Amazon ECR, `PREFIX=PLACE` with commas; a place is a URL, `oci:/DIRECTORY`,
    `docker-archive:/DIRECTORY` or `docker-daemon:`."""

    identity_providers: str = ""
    """Hosts of OpenID Connect issuers that may be asked for their keys besides those on this machine, with commas;
    `*` allows all."""

    ingress: str = ""
    """Where requests to services are taken, `HOST:PORT`: by default 127.0.0.1:4567, or a free port in memory."""

    request_seconds: int = 120
    """How many seconds a request to a service may take, until the last byte of its answer; App Runner allows 120."""

    @property
    def service_principals(self) -> tuple[str, ...]:
        """Each of `known_service_principals`."""
        return tuple(each.strip() for each in self.known_service_principals.split(",") if each.strip())

    @property
    def identity_provider_hosts(self) -> tuple[str, ...]:
        """Each of `identity_providers`."""
        return tuple(each.strip() for each in self.identity_providers.split(",") if each.strip())

    @property
    def in_memory(self) -> bool:
        return self.state == "memory:"

    @property
    def directory(self) -> Path:
        """The state directory; meaningless in memory."""
        return Path(self.state)

    @property
    def built_images(self) -> Path | None:
        """Where the images are that were built here; none with a state in memory."""
        return None if self.in_memory else self.directory / "images"

    @property
    def first_account(self) -> str:
        """The account that a new state begins with."""
        return self.account or DEFAULT_ACCOUNT

    @property
    def ingress_address(self) -> tuple[str, int]:
        """The host and the port of `ingress`; port 0 is a free one."""
        if not self.ingress:
            return "127.0.0.1", 0 if self.in_memory else _INGRESS_PORT
        host, _, port = self.ingress.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def ingress_certificate(self) -> str:
        """The file with chain and key by which requests to services are taken over TLS; empty without TLS.

        What is made for a server in memory has no place that is known before it starts, so there is none then.
        """
        made = self.made_certificates
        return self.tls_certificate if made is None else str(made / "server.pem")

    @property
    def tls_authority(self) -> str:
        """The file with the authority of the server's certificate, if it has one; in memory its place is not known."""
        made = self.made_certificates
        return self.tls_certificate if made is None else str(made / "ca.pem")

    @property
    def made_certificates(self) -> Path | None:
        """The directory of the certificates that are made here for who calls services; None where none are made."""
        made = self.tls and not self.tls_certificate and not self.in_memory
        return self.directory / "tls" if made else None

    @property
    def serves_tls(self) -> bool:
        return self.tls or bool(self.tls_certificate)


DEFAULTS: Mapping[str, object] = Settings._field_defaults
CHOICES: Mapping[str, tuple[str, ...]] = {
    "iam": get_args(IamMode),
    "clock": get_args(ClockDial),
    "synchronous": get_args(Synchronous),
}
RANGES: Mapping[str, tuple[int, int]] = {
    "port": (0, 65535),
    "seed": (0, 2**63 - 1),
    "trail": (1, 10_000_000),
    "request_seconds": (1, 86_400),
}
PREFIX = "UNDERSTUDY_"
# Variables of this prefix that are no settings of a server.
OTHER_VARIABLES = ("DEBUG",)

_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")
_PATHS = ("state", "tls_certificate")
_PRINCIPALS = re.compile(r"(?:\s*[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\s*(?:,|\Z))*")

_REGISTRIES = re.compile(r"(?:\s*[^=,\s]+=(?:https?://|oci:/)[^=,\s]+\s*(?:,|\Z))*")
_HOSTS = re.compile(r"(?:\s*(?:\*|[A-Za-z0-9.-]+)\s*(?:,|\Z))*")
_ANYTHING = re.compile(r".*", re.DOTALL)
# Settings that are lists: what they look like, and how to say so.
_LISTS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "identity_providers": (_HOSTS, "names of hosts such as id.example.com, with commas, or *"),
    "known_service_principals": (_PRINCIPALS, "names such as new.amazonaws.com, with commas"),
    "registry": (
        _REGISTRIES,
        "such as public.ecr.aws=http://127.0.0.1:5000 or public.ecr.aws=oci:/srv/images, with commas",
    ),
}


def read(environment: Mapping[str, str] | None = None, **given: str | int | None) -> Settings:
    """Settings from the environment, overridden by what is given; an empty variable is one that is not set.

    Paths become absolute. Raises UserError for a value that is none, and for a name that is no setting's.
    """
    environment = os.environ if environment is None else environment
    check_variables(environment)
    for name in given:
        if name not in DEFAULTS:
            raise UserError(f"There is no setting {name!r}; {_nearest(name, DEFAULTS)}")
    values: dict[str, object] = {}
    for name in DEFAULTS:
        value, said = given.get(name), name
        if value is None:
            variable = f"{PREFIX}{name.upper()}"
            value, said = environment.get(variable) or None, f"{variable}: {name}"
        if value is not None:
            values[name] = _checked(name, value, said)
    if not values.get("state"):
        values["state"] = str(default_directory(environment))
    return Settings(**values)  # type: ignore[arg-type]  # the names are the fields', the types checked above


def default_directory(environment: Mapping[str, str]) -> Path:
    """Where the state is unless somebody says. Raises UserError when the user has no home directory."""
    chosen, home = Path(environment.get("XDG_STATE_HOME", "")), Path(environment.get("HOME", ""))
    if chosen.is_absolute():
        return chosen / "understudy"
    if not home.is_absolute():
        try:
            home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:
            raise UserError("HOME is not set, so there is no place for the state; say --state DIR.") from None
    return home / ".local" / "state" / "understudy"


def check_variables(environment: Mapping[str, str]) -> None:
    """Raise UserError for a variable that looks like a setting and is none."""
    known = [*map(str.upper, DEFAULTS), *OTHER_VARIABLES]
    for variable in environment:
        if variable.startswith(PREFIX) and (name := variable.removeprefix(PREFIX)) not in known:
            raise UserError(f"{variable} in the environment is no setting; {_nearest(name, known, PREFIX)}")


def _nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"did you mean {prefix}{close[0]}?"
    return f"there are {', '.join(prefix + each for each in sorted(known))}."


def _checked(name: str, value: object, said: str) -> object:
    """Return a setting's value from what was given. `said` is how the setting was named."""
    default = DEFAULTS[name]
    if isinstance(default, bool):
        return _boolean(value, said)
    if isinstance(default, int):
        return _integer(name, value, said)
    text = str(value)
    if name in CHOICES and text not in CHOICES[name]:
        *others, last = CHOICES[name]
        raise UserError(f"{said} must be {', '.join(others)} or {last}, not {text!r}.")
    if name == "account" and text and not re.fullmatch(r"[0-9]{12}", text):
        raise UserError(f"{said} must be 12 digits, not {text!r}.")
    if name == "host" and not re.fullmatch(r"[0-9A-Za-z.:%_-]+", text):
        raise UserError(f"{said} must be an address or a name to listen on, not {text!r}.")
    if name == "ingress" and text and not _is_address(text):
        raise UserError(f"{said} must be an address and a port such as 127.0.0.1:4567, not {text!r}.")
    pattern, such_as = _LISTS.get(name, (_ANYTHING, ""))
    if not pattern.fullmatch(text):
        raise UserError(f"{said} must be {such_as}, not {text!r}.")
    if name in _PATHS and text and not _is_url(text):
        return str(Path(text).expanduser().absolute())
    return text


def _is_address(text: str) -> bool:
    """Whether a text is an IP address, in brackets if it is one of IPv6, and a port."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) > RANGES["port"][1]:
        return False
    pattern = r"\[[0-9A-Fa-f:.]+\]|[0-9]{1,3}(\.[0-9]{1,3}){3}"
    return re.fullmatch(pattern, host, re.ASCII) is not None


def _is_url(text: str) -> bool:
    """Whether a state is named by a URL, such as `memory:`; the store knows which ones there are."""
    scheme, colon, _ = text.partition(":")
    return bool(colon) and scheme.isidentifier()


def _boolean(value: object, said: str) -> bool:
    text = str(value).lower()
    if text not in _ON + _OFF:
        raise UserError(f"{said} must be true or false, not {value!r}.")
    return text in _ON


def _integer(name: str, value: object, said: str) -> int:
    least, most = RANGES[name]
    text = str(value).strip()
    if re.fullmatch(r"-?[0-9]{1,30}", text, re.ASCII) and least <= int(text) <= most:
        return int(text)
    raise UserError(f"{said} must be a whole number from {least} to {most}, not {value!r}.")
