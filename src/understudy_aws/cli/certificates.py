"""The certificates of a server: of an authority of its state, which is made when there is none."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from understudy_aws.cli.profiles import read_text, write_private
from understudy_aws.core.deferred import deferred
from understudy_aws.data.regions import APP_RUNNER_REGIONS, REGIONS
from understudy_aws.dataplane.edge import API_ADDRESSES, CREDENTIALS_ADDRESS

if TYPE_CHECKING:
    from understudy_aws.controllers import certificate_authority
else:
    certificate_authority = deferred("understudy_aws.controllers.certificate_authority")

_EVERYWHERE = ("0.0.0.0", "::", "")


class Certificates(msgspec.Struct, frozen=True):
    """The files of a server with TLS: chain and key of the server, and the authority that its clients must trust."""

    server: Path
    authority: Path


def certificates_in(directory: Path, host: str) -> Certificates:
    """Return certificates for a server that listens on `host`; all files in `directory` are their owner's alone.

    The authority is kept as long as it is valid, so that a client that trusts it goes on doing so. Its private key
    is in `authority.pem`. The server's certificate is new at each start.
    """
    kept, public, server = (directory / name for name in ("authority.pem", "ca.pem", "server.pem"))
    authority = certificate_authority.authority_in(read_text(kept))
    if authority is None:
        authority = certificate_authority.made_authority()
        write_private(kept, authority.text)
    write_private(public, authority.certificate_text)
    write_private(server, authority.signed_for(names_of(host)))
    return Certificates(server, public)


def names_of(host: str) -> list[str]:
    """Return the names and addresses by which clients may call a server that listens on `host`."""
    # The last ones are where programs in a VPC call it, and those in an engine's containers, what App Runner's services
    # are called, and what AWS's APIs are called, which programs find at VPC endpoints.
    ends = ("localhost", "com")  # in VPCs private services have the names that they have at AWS
    services = [f"*.{region}.awsapprunner.{end}" for region in APP_RUNNER_REGIONS for end in ends]
    in_regions = (f"{name}.{region}.amazonaws.com" for region in REGIONS for name in ("*", "api.ecr"))
    apis = ["*.amazonaws.com", *in_regions]
    names = ["localhost", "127.0.0.1", "::1", *API_ADDRESSES.values(), CREDENTIALS_ADDRESS, *services, *apis]
    more = socket.gethostname() if host in _EVERYWHERE else host
    return names if more in names or not more else [*names, more]
