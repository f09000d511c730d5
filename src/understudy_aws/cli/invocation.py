"""Spells commands that a person can paste: this very program, asking for this very server."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from understudy_aws.settings import DEFAULTS, Settings, default_directory

_NAME = "understudy"


def program() -> str:
    """Return how this program is called from any directory: by its name alone if PATH leads to it."""
    called = Path(sys.argv[0])
    if called.name != _NAME:
        return f"{shlex.quote(sys.executable)} -m understudy_aws"
    here = called.absolute()
    found = shutil.which(_NAME)
    if found is not None and Path(found).resolve() == here.resolve():
        return _NAME
    return shlex.quote(str(here))


def command(
    words: str, settings: Settings, *, port: int | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Return a command line with the options that lead to the same state, or to the server on `port`.

    Defaults are left out. Variables of the environment are not relied on, as the next terminal may have others.
    """
    options: list[str] = []
    listening = settings.port if port is None else port
    if settings.in_memory:
        options += ["--state", "memory:"]
        if listening != DEFAULTS["port"]:
            options += ["--port", str(listening)]
    elif settings.directory != default_directory(os.environ if environment is None else environment):
        options += ["--state", settings.state]
    return " ".join([program(), words, *map(shlex.quote, options)])
