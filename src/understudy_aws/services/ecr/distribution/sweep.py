"""Removes layers that no image has for a day, and files that no record names any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.services.ecr.distribution.blob_files import BlobFiles
from understudy_aws.services.ecr.records import images, layer_uploads, layers
from understudy_aws.store.database import Transaction

_EVERY = timedelta(hours=1)
# Longer than anything takes between a file and the record that names it.
_IDLE_SECONDS = 3600.0
# A layer comes before the image that has it.
_WITHOUT_IMAGE = timedelta(hours=24)
# Looked at in one transaction: a few milliseconds' work, so that no request waits for it.
_PIECE = 200


class Sweep:
    """Sweeps once after the start, and every hour."""

    def __init__(self, files: BlobFiles) -> None:
        self._files = files
        self._next: datetime | None = None

    def controller(self) -> Controller:
        """Return the background work."""
        return Controller("files of layers", self._due, self._reconcile, poll_seconds=60.0, run_seconds=None)

    def _due(self, _tx: Transaction, now: datetime) -> Iterator[Due]:
        # Nothing is looked for where nothing was ever pushed.
        if self._files.are_there and (self._next is None or self._next <= now):
            yield Due(("files",), "", now if self._next is None else self._next)

    async def _reconcile(self, _key: Key, world: World) -> datetime | None:
        now = world.clock.now()
        self._next = now + _EVERY
        with world.database.transaction() as tx:
            old = layers.in_order(tx, "uploaded", last=now - _WITHOUT_IMAGE)
            unused = [each for each in old if not images.count_where(tx, "layer", layers.key(each))]
            for layer in unused:
                layers.delete(tx, layer)
        await world.durable()
        found = iter(await world.in_thread(lambda: list(self._files.idle_since(_IDLE_SECONDS))))
        while piece := list(islice(found, _PIECE)):
            with world.database.transaction() as tx:
                for path in piece:
                    if not _is_named(tx, path):
                        path.unlink(missing_ok=True)
            await world.in_thread(lambda: None)
        return None


def _is_named(tx: Transaction, path: Path) -> bool:
    """Whether a record names a file: a layer of any repository, or an upload under way."""
    if path.parent.name == "uploads":
        return layer_uploads.count_where(tx, "id", path.name) > 0
    return layers.count_where(tx, "digest", f"sha256:{path.name}") > 0
