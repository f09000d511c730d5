"""The fuzzer's bytes as lots to draw: the same bytes, the same choices."""

from __future__ import annotations

import random
from typing import Any

import atheris


class Lots:
    """`choice` and `randint`, and text and bytes of any kind, from one input."""

    def __init__(self, data: bytes) -> None:
        self._data = atheris.FuzzedDataProvider(data)
        # Short inputs come first in fuzzing; what they leave open is drawn from them too, not always the same.
        self._more = random.Random(data)

    def choice(self, seq: Any) -> Any:
        return seq[self.randint(0, len(seq) - 1)]

    def randint(self, a: int, b: int) -> int:
        return (
            self._data.ConsumeIntInRange(a, b) if self._data.remaining_bytes() else self._more.randint(a, b)
        )

    def text(self, most: int) -> str:
        """Unicode, lone surrogates among it."""
        return self._data.ConsumeUnicode(self.randint(0, most))

    def rest(self) -> bytes:
        return self._data.ConsumeBytes(self._data.remaining_bytes())
