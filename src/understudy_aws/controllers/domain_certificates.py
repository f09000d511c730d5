"""The certificates of custom domains: one for each that is active, of the state's own authority, kept in files."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from understudy_aws.core.deferred import deferred
from understudy_aws.dataplane.runtime.records import write_private
from understudy_aws.dataplane.wanted_services import DomainCertificate

if TYPE_CHECKING:
    from understudy_aws.controllers import certificate_authority
else:
    certificate_authority = deferred("understudy_aws.controllers.certificate_authority")

_LOG = logging.getLogger(__name__)


class DomainCertificates:
    """Makes and removes certificates, in a folder beside the authority; all files are their owner's alone."""

    def __init__(self, directory: Path) -> None:
        """Prepare, for the directory of a state's certificates."""
        self._authority = directory / "authority.pem"
        self._folder = directory / "domains"

    def of(self, domains: Iterable[Sequence[str]]) -> tuple[DomainCertificate, ...]:
        """Return which certificates there should be for domains, of each the names."""
        found = (DomainCertificate(names=tuple(names), file=str(self._file(names[0]))) for names in domains)
        return tuple(sorted(found, key=lambda each: each.names))

    def keep(self, wanted: Sequence[DomainCertificate]) -> None:
        """Make those that are missing, and remove all others. What the disk refuses is told in the log.

        One that is there stays, also over restarts, while it can be used.
        """
        try:
            self._keep({Path(each.file): each.names for each in wanted})
        except (OSError, ValueError) as error:
            _LOG.warning("The certificates of custom domains can't be made: %s", error)

    def _keep(self, wanted: dict[Path, tuple[str, ...]]) -> None:
        if wanted:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            authority = certificate_authority.authority_in(self._authority.read_text())
            if authority is None:
                raise ValueError(f"{self._authority} holds no authority")
            for file, names in wanted.items():
                if not authority.has_signed_for(_read(file), names):
                    write_private(file, authority.signed_for(names).encode())
        for file in self._folder.glob("*"):
            if file not in wanted:
                file.unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        # A domain's name may be longer than a file's.
        return self._folder / f"{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}.pem"


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii", "replace")
    except FileNotFoundError:
        return ""
