"""Identifiers of images: in Amazon ECR, private, and in Amazon ECR Public (the pattern of AWS's API description)."""

from __future__ import annotations

import re

import msgspec

PRIVATE = "ECR"
PUBLIC = "ECR_PUBLIC"

_PUBLIC_HOST = "public.ecr.aws"
_PRIVATE_HOST = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z-]+-[0-9])\.amazonaws\.com")
_WORD = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_TAG = re.compile(r"[\w+\-=._:/@]+", re.ASCII)
_DIGEST = re.compile(r"[\w:]+", re.ASCII)


class ImageIdentifier(msgspec.Struct, frozen=True):
    """The parts of an image's identifier.

    `account` and `region` are those of a private registry, and `alias` is the name of a public one; the others are
    empty. `tag` and `digest` may both be empty, which means the tag `latest`.
    """

    text: str
    repository: str
    account: str = ""
    region: str = ""
    alias: str = ""
    tag: str = ""
    digest: str = ""

    @property
    def kind(self) -> str:
        """The type of the repository, as requests call it."""
        return PRIVATE if self.account else PUBLIC

    @property
    def reference(self) -> str:
        """The tag or the digest that says which image of the repository it is."""
        return self.digest or self.tag or "latest"


def read(text: str) -> ImageIdentifier | None:
    """Return the parts of an identifier, or None for a text that is none."""
    host, slash, path = text.partition("/")
    if not slash:
        return None
    name, tag, digest = _split(path)
    alias = ""
    found = _PRIVATE_HOST.fullmatch(host)
    if found is None:
        alias, slash, name = name.partition("/")
        if host != _PUBLIC_HOST or not slash or not alias:
            return None
    if not all(_WORD.fullmatch(word) for word in name.split("/")):
        return None
    if (tag is not None and not _TAG.fullmatch(tag)) or (
        digest is not None and not _DIGEST.fullmatch(digest)
    ):
        return None
    account, region = found.groups() if found is not None else ("", "")
    return ImageIdentifier(text, name, account, region, alias, tag or "", digest or "")


def _split(path: str) -> tuple[str, str | None, str | None]:
    """Return the repository, and the tag or the digest, None where there is no mark for one."""
    at, colon = path.find("@"), path.find(":")
    if at >= 0 and (colon < 0 or at < colon):
        return path[:at], None, path[at + 1 :]
    if colon >= 0:
        return path[:colon], path[colon + 1 :], None
    return path, None, None
