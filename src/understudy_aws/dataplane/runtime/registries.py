"""Where images are pulled from that have names in Amazon ECR: a registry, or a directory of this machine.

A rule says what stands for the names that begin with a text, such as `public.ecr.aws/mine` or an account's registry:

    public.ecr.aws/mine=http://127.0.0.1:5000/mine      a registry; by http:// one that speaks no TLS
    000000000000.dkr.ecr.us-east-1.amazonaws.com=oci:/srv/images      OCI layouts, one a repository
    public.ecr.aws/mine=docker-daemon:      what the container engine of this machine has, by the rest of the name
    public.ecr.aws/mine=docker-archive:/srv/saved      archives of `docker save`, one a repository: /srv/saved/app.tar

The longest rule that fits decides. A name that no rule fits is looked for among the images that were built here, and
is then pulled from where it says. (Names in registries of the server's own accounts are not: who asks sees to that.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from understudy_aws.dataplane.tasks import PullImage

_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
_PLACES = ("http://", "https://", "oci:/", "docker-daemon:", "docker-archive:/")
_REFERENCE = "org.opencontainers.image.ref.name"


class Rule(msgspec.Struct, frozen=True):
    """What stands for names that begin with a text: a URL of a registry, directories of this machine, or an engine."""

    prefix: str
    place: str


class Name(msgspec.Struct, frozen=True):
    """The parts of an image's name: its registry, its repository there, and a tag or a digest."""

    host: str
    repository: str
    tag: str = "latest"
    digest: str = ""

    @property
    def last(self) -> str:
        """The end of the name, which says which image of the repository it is."""
        return f"@{self.digest}" if self.digest else f":{self.tag}"


def read_rules(text: str) -> tuple[Rule, ...]:
    """Return the rules of a setting, `PREFIX=PLACE` with commas between them. Raises ValueError."""
    rules = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        prefix, equals, place = each.partition("=")
        if not prefix or not equals or not place.startswith(_PLACES):
            raise ValueError(
                f"{each!r} is not PREFIX=PLACE, where a place is http://HOST:PORT, https://HOST, oci:/DIRECTORY, "
                "docker-daemon: or docker-archive:/DIRECTORY."
            )
        rules.append(Rule(prefix.rstrip("/"), place.rstrip("/")))
    return tuple(sorted(rules, key=lambda rule: len(rule.prefix), reverse=True))


def read_name(identifier: str) -> Name:
    """Return the parts of an image's name."""
    whole, _, digest = identifier.partition("@")
    folder, slash, last = whole.rpartition("/")
    last, _, tag = last.partition(":")
    host, _, repository = f"{folder}{slash}{last}".partition("/")
    return Name(host, repository, tag or "latest", digest)


class ImagePlaces(msgspec.Struct, frozen=True):
    """Where images are pulled from: by the rules, and from the directory of those that were built here, if any."""

    rules: tuple[Rule, ...] = ()
    built: Path | None = None

    def rule_for(self, identifier: str) -> Rule | None:
        """Return the rule that decides about a name, if one does."""
        name = read_name(identifier)
        whole = f"{name.host}/{name.repository}"
        return next(
            (rule for rule in self.rules if whole == rule.prefix or whole.startswith(f"{rule.prefix}/")),
            None,
        )

    def pull_of(self, identifier: str, *, user: str = "", password: str = "") -> PullImage:
        """Return the task that pulls an image with a name in Amazon ECR.

        The credentials are for the registry of the name itself.
        """
        name = read_name(identifier)
        whole = f"{name.host}/{name.repository}"
        rule = self.rule_for(identifier)
        if rule is not None:
            return _by_rule(rule, whole.removeprefix(rule.prefix).strip("/"), name)
        built = self.built_as(identifier)
        if built is not None:
            return built
        return PullImage(reference=f"docker://{whole}{name.last}", user=user, password=password)

    def built_as(self, identifier: str) -> PullImage | None:
        """Return the task that takes an image that was built here by its name; None when none is called so."""
        name = read_name(identifier)
        if self.built is not None and not name.digest:
            # A name in ECR Public has the registry's alias before the repository.
            for repository in (name.repository, name.repository.partition("/")[2]):
                if is_repository(repository) and name.tag in tags_of(self.built / repository):
                    return PullImage(reference=f"oci:{self.built / repository}:{name.tag}")
        return None

    def built_names(self) -> tuple[str, ...]:
        """Return the repositories and tags of all images that were built here, in order."""
        if self.built is None:
            return ()
        layouts = sorted(each.parent for each in self.built.rglob("index.json"))
        return tuple(
            f"{layout.relative_to(self.built)}:{tag}" for layout in layouts for tag in sorted(tags_of(layout))
        )


def is_repository(text: str) -> bool:
    """Whether a text may be the name of a repository."""
    return bool(_REPOSITORY.fullmatch(text))


def _by_rule(rule: Rule, rest: str, name: Name) -> PullImage:
    kind, _, place = rule.place.partition(":")
    whole = "/".join(filter(None, (place.removeprefix("//"), rest)))
    if kind == "docker-daemon":
        return PullImage(reference=f"docker-daemon:{whole}{name.last}")
    if kind == "docker-archive":
        return PullImage(reference=f"docker-archive:{whole}.tar{_in_archive(name)}")
    if kind == "oci":
        return PullImage(reference=f"oci:{whole}:{_tag_in(Path(whole), name)}")
    return PullImage(reference=f"docker://{whole}{name.last}", plain=kind == "http")


def _in_archive(name: Name) -> str:
    """Return which image of an archive is meant: the only one, whatever it is called; by a digest none is found."""
    return f":{name.digest.replace(':', '-')}" if name.digest else ""


def _tag_in(layout: Path, name: Name) -> str:
    """Return what a layout calls an image; of a digest that it has not got, a tag that it has not got either."""
    if not name.digest:
        return name.tag
    tags = (tag for tag, digest in tags_of(layout).items() if digest == name.digest)
    return next(tags, name.digest.replace(":", "-"))


def tags_of(layout: Path) -> Mapping[str, str]:
    """Return the digests of the images in an OCI layout by their tags; none where there is no layout."""
    try:
        index = msgspec.json.decode((layout / "index.json").read_bytes(), type=_Index)
    except (OSError, msgspec.MsgspecError):
        return {}
    return {
        each.annotations[_REFERENCE]: each.digest
        for each in index.manifests
        if _REFERENCE in each.annotations
    }


class _Described(msgspec.Struct, frozen=True):
    digest: str
    annotations: dict[str, str] = {}


class _Index(msgspec.Struct, frozen=True):
    manifests: tuple[_Described, ...] = ()
