"""An image with this machine's Python, and packages of the tests' own, since none is pulled from anywhere."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from images import Entry, file, layout, link

PYTHON = Path("/usr/bin/python3")
PACKAGES = "/packages"
# Of the standard library and botocore what a service that calls the APIs has no use for.
_LEFT_OUT = re.compile(
    r"__pycache__|/(test|idlelib|tkinter|ensurepip|lib2to3|config-[^/]*|pydoc_data)/|botocore/data/.*/"
)
_KEPT = re.compile(r"botocore/data/(sts|secretsmanager)/")


def write_image(
    place: Path, packages: tuple[str, ...] = (), command: tuple[str, ...] = (str(PYTHON),)
) -> None:
    """Write a layout whose image runs a command of Python, with these packages to import."""
    layout(
        place,
        [list(_python()), *([list(_packages(packages))] if packages else [])],
        {"Cmd": list(command), "Env": [f"PYTHONPATH={PACKAGES}", "PATH=/usr/bin:/bin"]},
    )


def _python() -> Iterator[Entry]:
    program = PYTHON.resolve()
    yield file(_inside(program), program.read_bytes(), 0o755)
    if program != PYTHON:
        yield link(_inside(PYTHON), program.name)
    busybox = Path("/bin/busybox")
    yield file("bin/busybox", busybox.read_bytes(), 0o755)
    yield link("bin/sh", "busybox")
    yield file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    library = Path("/usr/lib") / program.name
    extensions = list(library.glob("lib-dynload/*.so"))
    for each in sorted(_libraries(program, *extensions)):
        yield file(_inside(each), each.read_bytes(), 0o755)
    yield from _tree(library, _inside(library))


def _packages(names: tuple[str, ...]) -> Iterator[Entry]:
    for name in names:
        found = importlib.util.find_spec(name)
        assert found is not None, f"{name} is not installed"
        assert found.origin is not None
        origin = Path(found.origin)
        inside = f"{PACKAGES[1:]}/{name}"
        if origin.name == "__init__.py":
            yield from _tree(origin.parent, inside)
        else:
            yield file(f"{inside}.py", origin.read_bytes())


def _tree(place: Path, inside: str) -> Iterator[Entry]:
    for each in sorted(place.rglob("*")):
        name = f"{inside}/{each.relative_to(place)}"
        if each.is_file() and (_KEPT.search(name) or not _LEFT_OUT.search(name)):
            yield file(name, each.read_bytes(), 0o755 if each.suffix == ".so" else 0o644)


def _libraries(*programs: Path) -> frozenset[Path]:
    """What the dynamic linker finds for programs, under the names by which it looks."""
    said = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    return frozenset(Path(each) for each in re.findall(r"(/\S+) \(0x", said))


def _inside(path: Path) -> str:
    return str(path).lstrip("/")
