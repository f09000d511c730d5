"""Images built from a Dockerfile by the tool that this machine has, kept as OCI layouts, one a repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from understudy_aws.dataplane.runtime.artifacts import TaskError
from understudy_aws.dataplane.runtime.registries import is_repository, read_name, tags_of

TOOLS = ("buildah", "podman", "docker")
NO_BUILDER = (
    "Images are built by buildah, podman or docker, none of which is there (`sudo apt install buildah`)."
)
_REGISTRY = re.compile(r"localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?|[a-z0-9-]+:\d+")
_FILES = ("Containerfile", "Dockerfile")


class BuiltImage(msgspec.Struct, frozen=True):
    """An image that was built here: its repository and tag, and the digest of its manifest."""

    repository: str
    tag: str
    digest: str


def built_images(place: Path) -> Iterator[BuiltImage]:
    """Yield the images below a directory, in order of their names."""
    for index in sorted(place.rglob("index.json")):
        repository = str(index.parent.relative_to(place))
        for tag, digest in sorted(tags_of(index.parent).items()):
            yield BuiltImage(repository, tag, digest)


def named(text: str) -> tuple[str, str]:
    """Return the repository and the tag of a name, with or without a registry. Raises TaskError."""
    first, slash, _ = text.partition("/")
    has_registry = bool(slash and _REGISTRY.fullmatch(first))
    name = read_name(text if has_registry else f"here/{text}")
    if not is_repository(name.repository) or name.digest:
        raise TaskError(f"{text!r} is no name of an image; one is such as web, team/web or team/web:v1.")
    return name.repository, name.tag


def builder() -> str | None:
    """Return the program that builds images here, None where there is none."""
    return next(filter(None, map(shutil.which, TOOLS)), None)


def build_image(source: Path, name: str, place: Path) -> BuiltImage:
    """Build the image of a directory by the first tool that there is, with its output on this process's.

    Raises TaskError and OSError.
    """
    repository, tag = named(name)
    if not any((source / each).is_file() for each in _FILES):
        raise TaskError(f"There is no Dockerfile in {source}.")
    tool = builder()
    if tool is None:
        raise TaskError(NO_BUILDER)
    layout = place / repository
    layout.mkdir(mode=0o700, parents=True, exist_ok=True)
    target, local = f"oci:{layout}:{tag}", f"localhost/understudy/{repository}:{tag}"
    _run([tool, "build", "--tag", local, str(source)])
    try:
        if Path(tool).name == "docker":
            _save_from_docker(tool, local, target)
        else:
            _run([tool, "push", "--quiet", local, target])
    finally:
        # The layout has it now. What it was built from stays, by which the next build is quick.
        _run([tool, "rmi", local], quiet=True)
    return BuiltImage(repository, tag, tags_of(layout)[tag])


def _save_from_docker(docker: str, local: str, target: str) -> None:
    skopeo = shutil.which("skopeo")
    if skopeo is None:
        raise TaskError(
            "What docker has built is kept by skopeo, which is not there (`sudo apt install skopeo`)."
        )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        _run([docker, "save", "--output", str(archive), local])
        _run([skopeo, "--insecure-policy", "copy", "--quiet", f"docker-archive:{archive}", target])


def _run(words: Sequence[str], *, quiet: bool = False) -> None:
    """Run a command; one that is `quiet` says nothing and may fail. Raises TaskError."""
    output = subprocess.DEVNULL if quiet else None
    ended = subprocess.run(  # noqa: S603
        list(words), env=dict(os.environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
    )
    if ended.returncode and not quiet:
        raise TaskError(f"`{' '.join(words[:2])}` ended with status {ended.returncode}.")
