"""Values with a secret in them, which is never printed."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Confidential(msgspec.Struct, frozen=True):
    """A value whose printed form, and so every log line and trace, leaves out the fields named in `hidden`."""

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = (
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.hidden
        )
        return f"{type(self).__name__}({', '.join(shown)})"
