"""Earlier versions of AWS managed policies, as far as they were published; read when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec

from understudy_aws.data.compressed_documents import CompressedDocuments

# Written by tools/generate_managed_policy_history.py, where their shape is told.
_INDEX = Path(__file__).with_name("managed_policy_history.index")
_DOCUMENTS = CompressedDocuments(_INDEX, _INDEX.with_suffix(".documents"))


class EarlierVersion(msgspec.Struct, frozen=True):
    """A version of an AWS managed policy that was the default once; `offset` and `length` say where its text lies."""

    id: str
    created: datetime
    offset: int
    length: int

    @property
    def document(self) -> str:
        """The policy document as compact JSON."""
        return _DOCUMENTS.text(self.offset, self.length)


def earlier_versions(name: str) -> Sequence[EarlierVersion]:
    """The versions of a policy before its default one, oldest first: those that are known."""
    return _index().get(name, ())


@cache
def _index() -> Mapping[str, Sequence[EarlierVersion]]:
    found: dict[str, list[EarlierVersion]] = {}
    for line in _INDEX.read_text("utf-8").splitlines()[1:]:
        name, id, created, offset, length = line.split("\t")
        version = EarlierVersion(id, datetime.fromisoformat(created), int(offset), int(length))
        found.setdefault(name, []).append(version)
    return found
