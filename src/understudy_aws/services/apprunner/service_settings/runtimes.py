"""The managed runtimes that source code is built and run with (apprunner-services.md 5.5)."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec


class Runtime(msgspec.Struct, frozen=True):
    """One managed runtime.

    name      what requests call it
    keyword   what configuration files call it
    language  the language it is for
    version   the language's version, as much of it as the runtime fixes
    revised   it is built by the revised build, which alone runs `pre-run` commands
    ended     from then on new services cannot have it
    """

    name: str
    keyword: str
    language: str
    version: str
    revised: bool = False
    ended: datetime | None = None

    def has_ended(self, at: datetime) -> bool:
        """Return whether a new service can no longer have it."""
        return self.ended is not None and at >= self.ended

    def has_version(self, version: str) -> bool:
        """Return whether a version, or the beginning of one, is of this runtime: 3.11.9 and 3 are of Python 3.11."""
        mine, asked = self.version.split("."), version.split(".")
        shorter = min(len(mine), len(asked))
        return mine[:shorter] == asked[:shorter]


_DECEMBER = datetime(2025, 12, 1, tzinfo=UTC)
_END_OF_PHP = datetime(2025, 12, 31, tzinfo=UTC)
RUNTIMES = (
    Runtime("PYTHON_3", "python3", "Python", "3", ended=_DECEMBER),
    Runtime("PYTHON_311", "python311", "Python", "3.11", revised=True),
    Runtime("NODEJS_12", "nodejs12", "Node.js", "12", ended=_DECEMBER),
    Runtime("NODEJS_14", "nodejs14", "Node.js", "14", ended=_DECEMBER),
    Runtime("NODEJS_16", "nodejs16", "Node.js", "16", ended=_DECEMBER),
    Runtime("NODEJS_18", "nodejs18", "Node.js", "18", revised=True, ended=_DECEMBER),
    Runtime("NODEJS_22", "nodejs22", "Node.js", "22", revised=True),
    Runtime("CORRETTO_8", "corretto8", "Corretto", "8"),
    Runtime("CORRETTO_11", "corretto11", "Corretto", "11"),
    Runtime("GO_1", "go1", "Go", "1", ended=_DECEMBER),
    Runtime("DOTNET_6", "dotnet6", ".NET", "6", ended=_DECEMBER),
    Runtime("PHP_81", "php81", "PHP", "8.1", ended=_END_OF_PHP),
    Runtime("RUBY_31", "ruby31", "Ruby", "3.1", ended=_DECEMBER),
)
BY_NAME = {runtime.name: runtime for runtime in RUNTIMES}
BY_KEYWORD = {runtime.keyword: runtime for runtime in RUNTIMES}
