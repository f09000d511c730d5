"""The grammar of `apprunner.yaml` (apprunner-services.md 5.5), read into a value, with all mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

import msgspec

from understudy_aws.services.apprunner.configuration_file import yaml_tree
from understudy_aws.services.apprunner.configuration_file.yaml_tree import Node, YamlError
from understudy_aws.services.apprunner.service_settings.environments import (
    DEFAULT_PORT,
    PORT,
    Pairs,
    is_port,
    refusal_of_name,
    refusal_of_names,
    refusal_of_secret,
)
from understudy_aws.services.apprunner.service_settings.runtimes import BY_KEYWORD, RUNTIMES, Runtime

NAME = "apprunner.yaml"
# Nobody reads more of them.
MOST_MISTAKES = 50
_VERSIONS = frozenset({"1.0", "1"})
_RUNTIME_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,4}")


class ConfigurationFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration file says.

    `runtime_version` locks as much of the language's version as it has. The `build_variables` are seen by the build
    commands and by `pre_run`, the `variables` and `secrets` by the application alone. `port_variable` is the name of a
    variable that has the port, besides PORT.
    """

    runtime: Runtime
    runtime_version: str = ""
    pre_build: tuple[str, ...] = ()
    build: tuple[str, ...]
    post_build: tuple[str, ...] = ()
    build_variables: Pairs = ()
    pre_run: tuple[str, ...] = ()
    command: str
    port: str = DEFAULT_PORT
    port_variable: str = ""
    variables: Pairs = ()
    secrets: Pairs = ()


class Mistake(msgspec.Struct, frozen=True):
    """One mistake: the line, 0 for the whole file, and a sentence."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"{NAME}, line {self.line}: {self.message}" if self.line else f"{NAME}: {self.message}"


class ConfigurationFileError(ValueError):
    """A configuration file cannot be used. It has the mistakes that were found, in the order of lines."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def read(text: str, *, account: str) -> ConfigurationFile:
    """Return what the configuration file of a service of this account says. Raises ConfigurationFileError."""
    try:
        root = yaml_tree.read(text)
    except YamlError as error:
        raise ConfigurationFileError((Mistake(error.line, error.message),)) from error
    return _Reader(account).read(root)


class _Reader:
    """Reads one file and gathers its mistakes."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._mistakes: list[Mistake] = []

    def read(self, root: Node) -> ConfigurationFile:
        if root.is_empty:
            raise ConfigurationFileError((Mistake(0, "The file is empty."),))
        top = self._section(root, "", ("version", "runtime", "build", "run"))
        self._version(self._required(top.get("version"), "version", root))
        runtime = self._runtime(self._required(top.get("runtime"), "runtime", root))
        build_node = self._required(top.get("build"), "build", root)
        build = self._section(build_node, "build", ("commands", "env"))
        commands_node = self._required(build.get("commands"), "build.commands", build_node)
        commands = self._section(commands_node, "build.commands", ("pre-build", "build", "post-build"))
        run_node = self._required(top.get("run"), "run", root)
        keys = ("runtime-version", "pre-run", "command", "network", "env", "secrets")
        run = self._section(run_node, "run", keys)
        network = self._section(run.get("network"), "run.network", ("port", "env"))
        build_commands = self._required(commands.get("build"), "build.commands.build", commands_node)
        command = self._required(run.get("command"), "run.command", run_node)
        variables = self._pairs(run.get("env"), "run.env", "value")
        secrets = self._pairs(run.get("secrets"), "run.secrets", "value-from")
        twice = {name for name, _ in variables} & {name for name, _ in secrets}
        if twice:
            self._say(run["secrets"], refusal_of_names(sorted(twice), sorted(twice)))
        made = ConfigurationFile(
            runtime=runtime or RUNTIMES[0],
            runtime_version=self._runtime_version(run.get("runtime-version"), runtime),
            pre_build=self._commands(commands.get("pre-build"), "build.commands.pre-build"),
            build=self._commands(build_commands, "build.commands.build"),
            post_build=self._commands(commands.get("post-build"), "build.commands.post-build"),
            build_variables=self._pairs(build.get("env"), "build.env", "value"),
            pre_run=self._pre_run(run.get("pre-run"), runtime),
            command=self._text(command, "run.command"),
            port=self._port(network.get("port")),
            port_variable=self._variable(network.get("env"), "run.network.env"),
            variables=variables,
            secrets=secrets,
        )
        # Without a runtime there is a mistake too.
        if self._mistakes:
            raise ConfigurationFileError(tuple(sorted(self._mistakes, key=lambda each: each.line)))
        return made

    def _say(self, node: Node, message: str) -> None:
        if len(self._mistakes) < MOST_MISTAKES:
            self._mistakes.append(Mistake(node.line, message))

    def _required(self, node: Node | None, path: str, above: Node | None) -> Node | None:
        """Return a node. That it is missing is a mistake of the section above, unless that is one itself."""
        if node is not None and not node.is_empty and node.items != ():
            return node
        if above is not None and above.entries is not None:
            self._say(above if node is None else node, f"`{path}` is required.")
        return None

    def _section(self, node: Node | None, path: str, keys: tuple[str, ...]) -> Mapping[str, Node]:
        """Return the entries of a mapping; none where nothing stands."""
        name = f"`{path}`" if path else "The file"
        if node is None or node.is_empty:
            return {}
        if node.entries is None:
            self._say(node, f"{name} must have keys and values.")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.entries:
            if key.text is None or key.text not in keys:
                self._say(key, f"{name} has no key `{_shown(key)}`.{_meant(key.text or '', keys)}")
            elif key.text in found:
                self._say(key, f"{name} has the key `{key.text}` twice.")
            else:
                found[key.text] = value
        return found

    def _text(self, node: Node | None, path: str) -> str:
        """Return the text of a scalar; empty for one that is missing, which is no mistake here, and for other nodes."""
        if node is None:
            return ""
        if node.text is None:
            self._say(node, f"`{path}` must be a single value.")
            return ""
        return node.text

    def _version(self, node: Node | None) -> None:
        if node is not None and node.text not in _VERSIONS:
            self._say(node, f"`version` must be 1.0, not {_shown(node)}.")

    def _runtime(self, node: Node | None) -> Runtime | None:
        if node is None:
            return None
        runtime = BY_KEYWORD.get(node.text or "")
        if runtime is None:
            known = [each.keyword for each in RUNTIMES]
            meant = _meant(node.text or "", tuple(known))
            self._say(
                node,
                f"There is no runtime {_shown(node)}.{meant or ' There are ' + ', '.join(known) + '.'}",
            )
        return runtime

    def _runtime_version(self, node: Node | None, runtime: Runtime | None) -> str:
        version = self._text(node, "run.runtime-version")
        if not version or node is None:
            return ""
        if not _RUNTIME_VERSION.fullmatch(version):
            self._say(
                node, f"`run.runtime-version` must be numbers with dots, such as 3.11.9, not {version}."
            )
        elif runtime is not None and not runtime.has_version(version):
            self._say(
                node,
                f"The runtime {runtime.keyword} has {runtime.language} {runtime.version}, not version {version}.",
            )
        return version

    def _commands(self, node: Node | None, path: str) -> tuple[str, ...]:
        if node is None or node.is_empty:
            return ()
        if node.items is None:
            self._say(node, f"`{path}` must be a list of commands.")
            return ()
        commands = []
        for item in node.items:
            if item.text is None:
                self._say(item, f"A command in `{path}` must be a single text. Quote one that has a colon.")
            elif item.is_empty:
                self._say(item, f"A command in `{path}` is empty.")
            else:
                commands.append(item.text)
        return tuple(commands)

    def _pre_run(self, node: Node | None, runtime: Runtime | None) -> tuple[str, ...]:
        found = self._commands(node, "run.pre-run")
        if node is not None and found and runtime is not None and not runtime.revised:
            revised = ", ".join(each.keyword for each in RUNTIMES if each.revised)
            self._say(node, f"`run.pre-run` is for runtimes of the revised build alone, which are {revised}.")
        return found

    def _port(self, node: Node | None) -> str:
        port = self._text(node, "run.network.port")
        if not port or node is None:
            return DEFAULT_PORT
        if not is_port(port):
            self._say(node, f"`run.network.port` must be a number between 1 and 65535, not {port}.")
        return port

    def _variable(self, node: Node | None, path: str) -> str:
        """Return the name of a variable."""
        name = self._text(node, path)
        # PORT itself has the port anyway.
        refusal = refusal_of_name(name) if name and name != PORT else ""
        if node is not None and refusal:
            self._say(node, refusal)
        return name

    def _pairs(self, node: Node | None, path: str, value_key: str) -> Pairs:
        """Return names with their values, or with what their values come from; of a name the last one counts."""
        if node is None or node.is_empty:
            return ()
        if node.items is None:
            self._say(node, f"`{path}` must be a list of `name` and `{value_key}`.")
            return ()
        found: dict[str, str] = {}
        for item in node.items:
            entry = self._section(item, f"{path}[]", ("name", value_key))
            if item.entries is None:
                if item.is_empty:
                    self._say(item, f"An entry of `{path}` is empty.")
                continue
            name_node, value_node = entry.get("name"), entry.get(value_key)
            if name_node is None or name_node.is_empty:
                self._say(item, f"An entry of `{path}` has no `name`.")
                continue
            name = self._text(name_node, f"{path}[].name")
            value = self._text(value_node, f"{path}[].{value_key}")
            if value_node is None:
                self._say(item, f"{_shown(name_node)} in `{path}` has no `{value_key}`.")
            elif name and value_node.text is not None:
                self._variable_refused(item, name, value if value_key == "value-from" else None)
            found[name] = value
        return tuple(found.items())

    def _variable_refused(self, item: Node, name: str, reference: str | None) -> None:
        """Note why a variable cannot have its name, or a secret its reference."""
        refusal = refusal_of_name(name)
        if not refusal and reference is not None:
            refusal = refusal_of_secret(name, reference, self._account)
        if refusal:
            self._say(item, refusal)


def _shown(node: Node) -> str:
    """Return a node as a sentence names it."""
    if node.text is None:
        return "a list" if node.items is not None else "keys and values"
    return node.text if len(node.text) <= 60 else f"{node.text[:57]}…"


def _meant(text: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(text[:60], known, 1)
    return f" Did you mean {close[0]}?" if close else ""
