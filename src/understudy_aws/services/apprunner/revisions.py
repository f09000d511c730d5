"""Revisions of a name: what auto scaling and observability configurations have in common (apprunner.md 2.4).

An account has in every Region one configuration of each kind that AWS provides. It has no record until it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Generic, NamedTuple, TypeVar

from msgspec.structs import replace

from understudy_aws.core.arn import Arn, apprunner, parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.targets import request_tags, resource_tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

# The name and the id of the configurations that AWS provides (apprunner.md 1.3).
PROVIDED_NAME = "DefaultConfiguration"
PROVIDED_ID = "00000000000000000000000000000001"


class Revision(Record, frozen=True, kw_only=True):
    """A revision of a configuration. Only its tags can change. A deleted one is described as INACTIVE for a while.

    `KIND` is the word for the kind in ARNs.
    """

    KIND: ClassVar[str]

    account: str
    region: str
    name: str
    id: str
    revision: int
    created: datetime
    deleted: datetime | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return apprunner(self.region, self.account, f"{self.KIND}/{self.name}/{self.revision}/{self.id}")

    @property
    def active(self) -> bool:
        return self.deleted is None


R = TypeVar("R", bound=Revision)


class PartialArn(NamedTuple):
    """What an ARN of a configuration names: all revisions of a name, one number, or one revision by its id."""

    account: str
    region: str
    name: str
    revision: int | None
    id: str


def revisions_table(name: str, record: type[R]) -> Table[R]:
    """Return the table for the revisions of one kind of configuration."""
    return Table(
        name,
        record,
        key=lambda each: (each.account, each.region, each.name, f"{each.revision:06d}", each.id),
        # What AWS provides stays deleted: without its record it would be there again.
        ordered={"deleted": lambda each: each.deleted if each.id != PROVIDED_ID else None},
    )


class Revisions(Generic[R]):
    """The revisions of one kind of configuration. `provided` makes the one that AWS provides."""

    def __init__(self, kind: type[R], words: str, table: Table[R], provided: Callable[[str, str], R]) -> None:
        self.words = words
        self.table = table
        self._kind = kind.KIND
        self._provided = provided

    def active(self, tx: Transaction, account: str, region: str, name: str = "") -> list[R]:
        """Return the active revisions, of one name or all, by name and number."""
        prefix = (account, region, name) if name else (account, region)
        found = [each for each in self.table.scan(tx, *prefix) if each.active]
        if name in {"", PROVIDED_NAME}:
            provided = self._provided(account, region)
            if self.table.get(tx, *self.table.key(provided)) is None:
                found.append(provided)
        return sorted(found, key=self.table.key)

    def listed(self, call: Call, name: str | None, *, latest_only: bool) -> list[R]:
        """Return the active revisions that a list asks for: all of them, or the latest of each name."""
        found = self.active(call.tx, call.account, call.region, name or "")
        return list({each.name: each for each in found}.values()) if latest_only else found

    def latest(self, tx: Transaction, account: str, region: str, name: str) -> R | None:
        """Return the active revision of a name with the highest number."""
        found = self.active(tx, account, region, name)
        return found[-1] if found else None

    def is_latest(self, tx: Transaction, revision: R) -> bool:
        """Return whether this is the latest active revision of its name."""
        latest = self.latest(tx, revision.account, revision.region, revision.name)
        return latest is not None and latest.arn == revision.arn

    def next_number(self, tx: Transaction, account: str, region: str, name: str) -> int:
        """Return the number of a new revision of a name. Numbers are unique among active revisions alone."""
        latest = self.latest(tx, account, region, name)
        return latest.revision + 1 if latest is not None else 1

    def of_arn(self, tx: Transaction, arn: Arn) -> R | None:
        """Return the revision of a full ARN, in whatever account and Region; also a deleted one."""
        named = self._read(arn)
        if named is None or named.revision is None or not named.id:
            return None
        key = (named.account, named.region, named.name, f"{named.revision:06d}", named.id)
        found = self.table.get(tx, *key)
        if found is None and (named.name, named.revision, named.id) == (PROVIDED_NAME, 1, PROVIDED_ID):
            found = self._provided(named.account, named.region)
        # Another spelling of the ARN is another resource to policies.
        return found if found is not None and found.arn == str(arn) else None

    def read(self, text: str) -> PartialArn | None:
        """Return what a full or partial ARN of this kind names; None for any other text."""
        arn = parse(text)
        return self._read(arn) if arn is not None else None

    def find(self, call: Call, text: str) -> R | None:
        """Return the caller's revision that a full or partial ARN names; also a deleted one by its number."""
        named = self.read(text)
        if named is None or (named.account, named.region) != (call.account, call.region):
            return None
        if named.revision is None:
            return self.latest(call.tx, call.account, call.region, named.name)
        if named.id:
            arn = parse(text)
            return self.of_arn(call.tx, arn) if arn is not None else None
        for each in self.active(call.tx, call.account, call.region, named.name):
            if each.revision == named.revision:
                return each
        deleted = list(
            self.table.scan(call.tx, call.account, call.region, named.name, f"{named.revision:06d}")
        )
        return max(deleted, key=lambda each: each.deleted or each.created, default=None)

    def existing(self, call: Call, text: str) -> R:
        """Return the caller's revision that an ARN names. Raises for an ARN of no such kind, and for none there."""
        if self.read(text) is None:
            raise errors.not_an_arn_of(self.words, text)
        found = self.find(call, text)
        if found is None:
            raise errors.no_such_resource(text)
        return found

    def existing_active(self, call: Call, text: str) -> R:
        """Return the caller's active revision that an ARN names, or raise."""
        found = self.existing(call, text)
        if not found.active:
            raise errors.invalid_request(f"The {self.words} is not in an ACTIVE state. ARN: {text}")
        return found

    def require_room(self, call: Call, name: str, *, most_names: int, most_revisions: int) -> None:
        """Raise when a quota of the account is used up (apprunner.md 2.7). What AWS provides does not count."""
        of_name = self.active(call.tx, call.account, call.region, name)
        if len(of_name) >= most_revisions:
            raise errors.too_many(f"revisions of the {self.words} {name}", most_revisions)
        names = {
            each.name for each in self.active(call.tx, call.account, call.region) if each.id != PROVIDED_ID
        }
        if name not in names and len(names) >= most_names:
            raise errors.too_many(f"{self.words}s", most_names)

    def delete(self, call: Call, revision: R) -> R:
        """Make a revision inactive."""
        return self.table.put(call.tx, replace(revision, deleted=call.at))

    def new_target(self, call: Call, params: Params, name_member: str) -> list[Target]:
        """Return what the caller must be allowed to make: the next revision of the name."""
        name = params[name_member]
        number = self.next_number(call.tx, call.account, call.region, name)
        arn = apprunner(call.region, call.account, f"{self._kind}/{name}/{number}/*")
        keys = request_tags(params.get("tags") or ())
        return [
            Target(arn, keys),
            *([Target(arn, keys, action="apprunner:TagResource")] if keys else []),
        ]

    def target(self, call: Call, text: str) -> list[Target]:
        """Return the revision that an ARN names, by its full ARN; the ARN itself where there is none.

        AWS does not say which of them policies see (docs/decisions/0008).
        """
        found = self.find(call, text)
        return [Target(found.arn, resource_tags(found.tags)) if found is not None else Target(text)]

    def _read(self, arn: Arn) -> PartialArn | None:
        kind, *parts = arn.resource.split("/")
        if arn.service != "apprunner" or kind != self._kind or not 1 <= len(parts) <= 3 or "" in parts:
            return None
        number = parts[1] if len(parts) > 1 else ""
        if number and not (number.isascii() and number.isdigit() and len(number) <= 6):
            return None
        return PartialArn(
            arn.account, arn.region, parts[0], int(number) if number else None, "".join(parts[2:])
        )
