"""Many small documents in one file, each compressed by itself against what they have in common."""

from __future__ import annotations

import collections
import zlib
from collections.abc import Iterable

# As far back as zlib looks.
_WINDOW = 32 * 1024


class CompressedDocuments:
    """A file in the making: the compressed dictionary first, then the documents as they are added."""

    def __init__(self, documents: Iterable[str]) -> None:
        self._dictionary = _dictionary(documents)
        self.content = bytearray(zlib.compress(self._dictionary, 9))
        self.dictionary_length = len(self.content)

    def add(self, document: str) -> tuple[str, str]:
        """Append a document; returns its offset and its length, as an index has them."""
        deflate = zlib.compressobj(level=9, memLevel=9, zdict=self._dictionary)
        compressed = deflate.compress(document.encode()) + deflate.flush()
        offset = len(self.content)
        self.content += compressed
        return str(offset), str(len(compressed))


def _dictionary(documents: Iterable[str]) -> bytes:
    """The words most worth having at hand, the best of them last, where a reference to them is shortest."""
    count: collections.Counter[str] = collections.Counter()
    for document in documents:
        # A word is a JSON string with its comma: an action, a resource, a key. One document counts it once.
        count.update({word for word in document.replace(",", ",\n").split("\n") if len(word) > 5})
    worth = {word: (seen - 1) * (len(word) - 3) for word, seen in count.items() if seen > 1}
    words: list[str] = []
    room = _WINDOW
    for word in sorted(worth, key=lambda word: (-worth[word], word)):
        size = len(word.encode())
        if size <= room:
            words.append(word)
            room -= size
    return "".join(reversed(words)).encode()
