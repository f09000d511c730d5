"""Many small documents in one file, each compressed by itself; written by tools/compressed_documents.py."""

from __future__ import annotations

import zlib
from functools import cached_property
from pathlib import Path


class CompressedDocuments:
    """The documents of a file, which is opened for each that is asked for.

    The text that all were compressed against comes first in the file, and its length is the second field of the first
    line of `index`.
    """

    def __init__(self, index: Path, documents: Path) -> None:
        self._index = index
        self._documents = documents

    def text(self, offset: int, length: int) -> str:
        """Return the document that lies at an offset, in so many bytes."""
        inflate = zlib.decompressobj(zdict=self._dictionary)
        return (inflate.decompress(self._read(offset, length)) + inflate.flush()).decode()

    @cached_property
    def _dictionary(self) -> bytes:
        with self._index.open(encoding="utf-8") as index:
            _, length = index.readline().split("\t")
        return zlib.decompress(self._read(0, int(length)))

    def _read(self, offset: int, length: int) -> bytes:
        with self._documents.open("rb") as documents:
            documents.seek(offset)
            return documents.read(length)
