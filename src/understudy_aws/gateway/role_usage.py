"""The function with which a service says what still uses its service-linked role."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from understudy_aws.store.database import Transaction

# (transaction, account, region) -> ARNs of what uses the service's linked role there, or None while the service does
# not know yet. Global resources are answered for us-east-1.
RoleUsage = Callable[[Transaction, str, str], Sequence[str] | None]
