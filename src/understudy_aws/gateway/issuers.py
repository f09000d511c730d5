"""Where operations get what issuers of tokens publish; STS's documents of issuers answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from understudy_aws.store.database import Transaction

Keys = Sequence[Mapping[str, Any]]


class Issuers(Protocol):
    """Knows keys and thumbprints of issuers, by their URLs. Raises AwaitedError for what must be fetched first."""

    def keys(
        self, tx: Transaction, issuer: str, thumbprints: tuple[str, ...], enough: Callable[[Keys], bool]
    ) -> Keys:
        """Return an issuer's keys; `enough` says of keys that were fetched before whether they will do."""
        ...

    def thumbprints(self, tx: Transaction, issuer: str) -> tuple[str, ...]:
        """Return the thumbprint of the topmost certificate that an issuer shows."""
        ...
