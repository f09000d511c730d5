"""Every setting: its name, its default, one sentence; read from the environment here and only here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from understudy_aws.core.errors import UserError

IamMode = Literal["strict", "soft", "off"]
ClockDial = Literal["instant", "aws"]
Synchronous = Literal["normal", "full"]


class Settings(NamedTuple):
    """What a server is started with. Each field is `UNDERSTUDY_<FIELD>` in the environment, and an option of `up`."""

    host: str = "127.0.0.1"
    """The address to listen on; anything but a loopback address opens the server to the network."""

    port: int = 4566
    """The port to listen on; 0 takes a free one."""

    state: str = ""
    """Where the state is: a directory, or `memory:`; by default `understudy` in the user's state directory."""

    account: str = "000000000000"
    """The account made at the first start: 12 digits."""

    iam: IamMode = "strict"
    """`strict` refuses what policies refuse; `soft` notes what the caller's own refuse, `off` asks none of these."""

    clock: ClockDial = "instant"
    """`instant` does background work within a second; `aws` takes as long as AWS, also to know new roles."""

    seed: int = 0
    """Draws the waiting times of the `aws` clock, and nothing secret."""

    synchronous: Synchronous = "normal"
    """`normal` answers when a crash of the server loses nothing; `full` when a power cut loses nothing either."""

    trail: int = 100_000
    """How many calls the trail keeps."""

    tls_certificate: str = ""
    """A PEM file with certificate chain and key to serve HTTPS with; empty serves HTTP."""

    @property
    def in_memory(self) -> bool:
        return self.state == "memory:"

    @property
    def directory(self) -> Path:
        """The state directory; meaningless in memory."""
        return Path(self.state).expanduser()


def read(environment: Mapping[str, str] | None = None, **given: str | int | None) -> Settings:
    """Settings from the environment, overridden by what is given. Raises UserError for a value that is none."""
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for name, default in _DEFAULTS.items():
        value = given.get(name)
        if value is None:
            value = environment.get(f"UNDERSTUDY_{name.upper()}")
        if value is None:
            continue
        values[name] = _integer(name, value) if isinstance(default, int) else str(value)
    settings = Settings(**values)  # type: ignore[arg-type]  # the names are the fields', the types checked above
    if not settings.state:
        home = environment.get("XDG_STATE_HOME") or str(
            Path(environment.get("HOME", "~")) / ".local" / "state"
        )
        settings = Settings(**{**values, "state": str(Path(home) / "understudy")})  # type: ignore[arg-type]
    _check(settings)
    return settings


def _integer(name: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise UserError(f"{name} must be a whole number, not {value!r}.") from error


def _check(settings: Settings) -> None:
    if not re.fullmatch(r"[0-9]{12}", settings.account):
        raise UserError(f"account must be 12 digits, not {settings.account!r}.")
    if settings.iam not in ("strict", "soft", "off"):
        raise UserError(f"iam must be strict, soft or off, not {settings.iam!r}.")
    if settings.clock not in ("instant", "aws"):
        raise UserError(f"clock must be instant or aws, not {settings.clock!r}.")
    if settings.synchronous not in ("normal", "full"):
        raise UserError(f"synchronous must be normal or full, not {settings.synchronous!r}.")
    if not 0 <= settings.port <= 65535:
        raise UserError(f"port must be between 0 and 65535, not {settings.port}.")


_DEFAULTS: dict[str, object] = Settings._field_defaults
