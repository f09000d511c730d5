"""How requests to a service are told from those to others: what the services served here say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from understudy_aws.wire.json_values import LARGEST_JSON
from understudy_aws.wire.model import versions


class ServiceAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What names a service in a request.

    id            its name in botocore's API descriptions
    signing_name  what requests to it are signed for, and the first label of its host names
    protocol      `query`, `ec2`, `json` or `rest-json`
    target        of `json`: what the header X-Amz-Target begins with
    largest       of `json`: the most bytes of a request's body
    """

    id: str
    signing_name: str
    protocol: str
    target: str = ""
    largest: int = LARGEST_JSON


class ServiceAddresses:
    """The services served, by whatever a request may name them. Answers their ids, or None."""

    def __init__(self, addresses: Iterable[ServiceAddress]) -> None:
        known = tuple(addresses)
        self._by_signing_name: Mapping[str, str] = {each.signing_name: each.id for each in known}
        self._by_target: Mapping[str, str] = {each.target: each.id for each in known if each.target}
        self._largest: Mapping[str, int] = {each.id: each.largest for each in known}
        # Forms carry the version of the API, which no two services share.
        self._by_version: Mapping[str, str] = {
            max(versions(each.id)): each.id for each in known if each.protocol in ("query", "ec2")
        }
        self.with_paths = tuple(each.id for each in known if each.protocol == "rest-json")

    def signed_for(self, name: str) -> str | None:
        """The service that requests with this name in their signature's scope are for."""
        return self._by_signing_name.get(name)

    def with_target(self, prefix: str) -> str | None:
        """The service whose operations are called by an X-Amz-Target that begins so."""
        return self._by_target.get(prefix)

    def largest_body(self, id: str) -> int:
        """The most bytes that the body of a request to a service has."""
        return self._largest[id]

    def of_version(self, version: str) -> str | None:
        """The service whose newest API version this is, of those called by forms."""
        return self._by_version.get(version)
