"""App Runner's managed runtimes, and which programs of this machine stand for them.

AWS has images with exact versions; a machine has what its user has installed. A newer version is taken where there is
no exact one, and an older one where programs mostly run with it; the build's log says so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from understudy_aws.dataplane.runtime.artifacts import TaskError, write_whole

_ASK_SECONDS = 20
_VERSION = re.compile(r"(\d+(?:\.\d+)*)")
_PYTHON = "import ensurepip, sys; print(sys.version.split()[0]); print(sys._base_executable); print(sys.base_prefix)"
# Makes a virtual environment with pip, which is unpacked: installing it, as `venv` does, takes many times as long.
_MAKE_ENVIRONMENT = """
import ensurepip, glob, os, sys, venv, zipfile
place = sys.argv[1]
near = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
places = [near, getattr(ensurepip, "_WHEEL_PKG_DIR", None), "/usr/share/python-wheels"]
names = ("pip", "setuptools") if sys.version_info < (3, 12) else ("pip",)
found = {name: wheels[-1] for each in reversed([each for each in places if each]) for name in names
         if (wheels := sorted(glob.glob(os.path.join(glob.escape(str(each)), name + "-*.whl"))))}
venv.create(place, symlinks=True, with_pip="pip" not in found)
packages = os.path.join(place, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
for wheel in found.values() if "pip" in found else ():
    zipfile.ZipFile(wheel).extractall(packages)
for name in ("pip", "pip3", "pip%d.%d" % sys.version_info[:2]) if "pip" in found else ():
    script = os.path.join(place, "bin", name)
    with open(script, "w") as file:
        print("#!%s/bin/python\\nfrom pip._internal.cli.main import main\\nraise SystemExit(main())" % place, file=file)
    os.chmod(script, 0o755)
"""
# Where every program of the machine is seen anyway.
SHOWN = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/opt", "/nix/store")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ManagedRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """A managed runtime: what App Runner calls it, and what of a machine can stand for it.

    `programs` are tried in order, `least` is the lowest version that is taken and `package` what Debian calls it.
    """

    language: str
    version: str
    title: str
    programs: tuple[str, ...]
    least: tuple[int, ...]
    package: str
    asked: tuple[str, ...] = ("--version",)

    @property
    def spoken(self) -> str:
        """What people call its language, as `Node.js`."""
        return self.title.rpartition(" ")[0]

    @property
    def name(self) -> str:
        """What a configuration file calls it, as `python311`."""
        return f"{self.language}{self.version.replace('.', '')}"


def _python(version: str, *programs: str) -> ManagedRuntime:
    return ManagedRuntime(
        language="python",
        version=version,
        title=f"Python {version}",
        programs=(*programs, "python3", "python3.13", "python3.12", "python3.11", "/usr/bin/python3"),
        least=tuple(map(int, version.split("."))),
        package="python3-venv",
        asked=("-I", "-c", _PYTHON),
    )


def _node(version: str) -> ManagedRuntime:
    # Programs for 22 mostly run with 18, which Debian 12 has.
    return ManagedRuntime(
        language="nodejs",
        version=version,
        title=f"Node.js {version}",
        programs=("node", "nodejs", f"/usr/lib/node_{version}/bin/node"),
        least=(min(int(version), 18),),
        package="nodejs npm",
    )


def _java(version: str) -> ManagedRuntime:
    return ManagedRuntime(
        language="corretto",
        version=version,
        title=f"Corretto {version}",
        programs=(f"/usr/lib/jvm/java-{version}-openjdk-amd64/bin/java", "java"),
        least=(int(version),),
        package="default-jdk-headless",
        asked=("-version",),
    )


def _other(
    language: str, version: str, title: str, program: str, package: str, *asked: str
) -> ManagedRuntime:
    return ManagedRuntime(
        language=language,
        version=version,
        title=f"{title} {version}",
        programs=(program,),
        least=tuple(map(int, version.split("."))),
        package=package,
        asked=asked or ("--version",),
    )


RUNTIMES: Mapping[str, ManagedRuntime] = {
    each.name: each
    for each in (
        _python("3"),
        _python("3.11", "python3.11"),
        *map(_node, ("12", "14", "16", "18", "22")),
        *map(_java, ("8", "11")),
        _other("go", "1", "Go", "go", "golang-go", "version"),
        _other("dotnet", "6", ".NET", "dotnet", "dotnet-sdk-8.0"),
        _other("php", "8.1", "PHP", "php", "php-cli composer"),
        _other("ruby", "3.1", "Ruby", "ruby", "ruby-full"),
    )
}
"""All managed runtimes, by the names of configuration files (apprunner-services.md 5.5)."""


def runtime_named(name: str) -> ManagedRuntime:
    """Return the runtime that the API calls `PYTHON_311`, and a configuration file `python311`. Raises LookupError."""
    return RUNTIMES[name.lower().replace("_", "")]


# Where a runtime installs programs below a home, and the variables that tell it so; `~` is the home.
_OWN: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "python": (("python/bin",), {"VIRTUAL_ENV": "~/python", "PYTHONUNBUFFERED": "1"}),
    "nodejs": (("node/bin",), {"NPM_CONFIG_PREFIX": "~/node", "NODE_PATH": "~/node/lib/node_modules"}),
    "go": (("go/bin",), {"GOPATH": "~/go", "GOFLAGS": "-modcacherw"}),
    "ruby": (("gems/bin",), {"GEM_HOME": "~/gems"}),
    "dotnet": ((), {"DOTNET_CLI_HOME": "~", "DOTNET_NOLOGO": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1"}),
}


class FoundRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """What of this machine stands for a managed runtime: its program, version, and the directory it lies in."""

    runtime: ManagedRuntime
    program: str
    version: str
    root: str

    @property
    def said(self) -> str:
        """What it is, as "Python 3.11.7"."""
        return f"{self.runtime.spoken} {self.version}"

    @property
    def is_exact(self) -> bool:
        """Whether it is the version that App Runner has."""
        wanted = self.runtime.version.split(".")
        return self.version.split(".")[: len(wanted)] == wanted

    @property
    def machine(self) -> tuple[str, ...]:
        """The directories that it lies in, if these are not seen anyway."""
        hidden = not any(Path(self.root).is_relative_to(each) for each in SHOWN)
        return (self.root,) if hidden else ()

    def environment(self, home: str) -> dict[str, str]:
        """Return the variables by which programs find it, and what was installed for it below a home."""
        own, variables = self._own(home)
        path = [*own, str(Path(self.program).parent), f"{home}/.local/bin", SYSTEM_PATH]
        return {**variables, "HOME": home, "PATH": ":".join(dict.fromkeys(path))}

    def _own(self, home: str) -> tuple[list[str], dict[str, str]]:
        """Return the directories of its own programs below a home, and its variables."""
        places, variables = _OWN.get(self.runtime.language, ((), {}))
        if self.runtime.language == "corretto":
            return [], {"JAVA_HOME": self.root}
        return [f"{home}/{each}" for each in places], {
            name: value.replace("~", home) for name, value in variables.items()
        }

    def preparation(self, home: str) -> tuple[str, ...]:
        """Return the command that must run in a new home before anything is installed; empty when none must."""
        if self.runtime.language == "python":
            return (self.program, "-I", "-c", _MAKE_ENVIRONMENT, f"{home}/python")
        return ()


def find_runtime(language: str, version: str, known: Path | None = None) -> FoundRuntime:
    """Return what of this machine stands for a runtime. Raises TaskError, which names the package that is missing.

    In the directory `known` it is kept what programs say of themselves, which are asked only once.
    """
    runtime = _runtime_of(language, version)
    others = []
    for program in _programs(runtime):
        found = _known(runtime, program, known) if known is not None else _asked(runtime, program)
        if found is None:
            continue
        if tuple(map(int, found.version.split("."))) >= runtime.least:
            return found
        others.append(f"{found.version} at {found.program}")
    least = ".".join(map(str, runtime.least))
    has = f"has {', '.join(others)} alone" if others else "has none"
    raise TaskError(
        f"The runtime {runtime.title} needs {runtime.spoken} {least} or newer, and this machine {has}"
        f" (`sudo apt install {runtime.package}`)."
    )


def runtimes_here() -> Mapping[str, FoundRuntime | None]:
    """Return what of this machine stands for each managed runtime by its name, None where nothing does."""

    def found(runtime: ManagedRuntime) -> FoundRuntime | None:
        try:
            return find_runtime(runtime.language, runtime.version)
        except TaskError:
            return None

    # Each is a program that is asked for its version; together they take as long as the slowest.
    with ThreadPoolExecutor(len(RUNTIMES)) as pool:
        return dict(zip(RUNTIMES, pool.map(found, RUNTIMES.values()), strict=True))


def _runtime_of(language: str, version: str) -> ManagedRuntime:
    """Return the runtime that has a version, which may name a patch, as 3.11.9 does. Raises TaskError."""
    asked = version.split(".")
    fitting = [
        each
        for each in RUNTIMES.values()
        if each.language == language and asked[: each.version.count(".") + 1] == each.version.split(".")
    ]
    if not fitting:
        raise TaskError(f"There is no managed runtime {language} {version}.")
    return max(fitting, key=lambda each: each.version.count("."))


def _programs(runtime: ManagedRuntime) -> Iterator[str]:
    found = (shutil.which(each, path=_search_path()) for each in runtime.programs)
    yield from dict.fromkeys(filter(None, found))
    if runtime.language == "python":
        # Understudy itself runs with one.
        yield sys.executable


def _search_path() -> str:
    return f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"


def _known(runtime: ManagedRuntime, program: str, place: Path) -> FoundRuntime | None:
    """Return what a program has said of itself, or says now; what does not run is asked again each time."""
    real = Path(program).resolve()
    try:
        found = real.stat()
    except OSError:
        return None
    # Another program at its place, or one that was replaced, is another one.
    which = (runtime.name, program, str(real), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    kept = place / f"runtime-{blake2b(msgspec.json.encode(which), digest_size=16).hexdigest()}.json"
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(kept.read_bytes(), type=FoundRuntime)
    said = _asked(runtime, program)
    if said is not None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(kept, msgspec.json.encode(said))
    return said


def _asked(runtime: ManagedRuntime, program: str) -> FoundRuntime | None:
    """Return what a program says of itself; None when it does not run, or is not whole."""
    environment = {"PATH": _search_path(), "HOME": "/nonexistent", "DOTNET_NOLOGO": "1", "LC_ALL": "C"}
    try:
        said = subprocess.run(  # noqa: S603 - a program found by name among a few
            [program, *runtime.asked], env=environment, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=_ASK_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (said.stdout.strip() or said.stderr.strip()).splitlines()
    number = _VERSION.search(lines[0]) if lines else None
    if said.returncode or number is None:
        return None
    if runtime.language == "python":
        return FoundRuntime(runtime=runtime, program=lines[1], version=number[1], root=lines[2])
    version = number[1].removeprefix("1.") if runtime.language == "corretto" else number[1]
    real = Path(program).resolve()
    # Programs stand in `bin`, and what they need beside that.
    root = real.parent.parent if real.parent.name == "bin" else real.parent
    return FoundRuntime(runtime=runtime, program=str(real), version=version, root=str(root))
