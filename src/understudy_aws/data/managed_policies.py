"""AWS managed policies: who they are is read at the first look-up, what they say when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from sys import intern

import msgspec

from understudy_aws.data.compressed_documents import CompressedDocuments

# Written by tools/generate_managed_policies.py, where their shape is told.
_INDEX = Path(__file__).with_name("managed_policies.index")
_DOCUMENTS = CompressedDocuments(_INDEX, _INDEX.with_suffix(".documents"))

_RESERVED_PATHS = frozenset({"/aws-service-role/", "/root-task/"})


class ManagedPolicy(msgspec.Struct, frozen=True):
    """One AWS managed policy in its default version; `offset` and `length` say where its document lies."""

    name: str
    path: str
    id: str
    version_id: str
    created: datetime
    updated: datetime
    offset: int
    length: int
    description: str = ""

    @property
    def arn_suffix(self) -> str:
        """What follows `:policy` in the ARN: the path, then the name."""
        return self.path + self.name

    def arn(self, partition: str = "aws") -> str:
        """The policy's ARN; managed policies belong to the account `aws` of every partition."""
        return f"arn:{partition}:iam::aws:policy{self.path}{self.name}"

    @property
    def document(self) -> str:
        """The policy document as compact JSON, decompressed when asked for and kept while in use."""
        return _document(self.offset, self.length)


def find(name_or_arn: str) -> ManagedPolicy | None:
    """The policy of this name or ARN (of any partition's account `aws`), or None if AWS has none such."""
    if not name_or_arn.startswith("arn:"):
        return _index().get(name_or_arn)
    partition, _, _ = name_or_arn.removeprefix("arn:").partition(":")
    policy = _index().get(name_or_arn[name_or_arn.rfind("/") + 1 :])
    # The name alone finds it; the path, the account and the rest have to be right as well.
    return policy if policy is not None and policy.arn(partition) == name_or_arn else None


def everything() -> Sequence[ManagedPolicy]:
    """Every managed policy, by name; their documents stay on disk until asked for."""
    return _sorted()


def is_reserved(policy: ManagedPolicy) -> bool:
    """Whether only AWS itself may attach this policy (service-linked-roles.md 1.3)."""
    return policy.path in _RESERVED_PATHS


@cache
def _index() -> Mapping[str, ManagedPolicy]:
    """Policies by name; names are unique although paths differ."""
    moment = datetime.fromisoformat
    policies: dict[str, ManagedPolicy] = {}
    for line in _INDEX.read_text("utf-8").splitlines()[1:]:
        name, path, identifier, version, created, updated, description, offset, length = line.split("\t")
        policies[name] = ManagedPolicy(
            name,
            intern(path),
            identifier,
            intern(version),
            moment(created),
            moment(updated),
            int(offset),
            int(length),
            description,
        )
    return policies


@cache
def _sorted() -> tuple[ManagedPolicy, ...]:
    return tuple(policy for _, policy in sorted(_index().items()))


@lru_cache(maxsize=64)
def _document(offset: int, length: int) -> str:
    return _DOCUMENTS.text(offset, length)
