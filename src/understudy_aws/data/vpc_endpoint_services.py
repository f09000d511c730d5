"""AWS's services that VPC endpoints are made to: rows of `vpc_endpoint_services.tsv`, whose head explains them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec

from understudy_aws.data.regions import APP_RUNNER_REGIONS, AvailabilityZone
from understudy_aws.data.regions import find as find_region

_TABLE = Path(__file__).with_name("vpc_endpoint_services.tsv")

GATEWAY, INTERFACE = "Gateway", "Interface"
# What every endpoint's DNS names end in, by Region: the id of the public hosted zone of `<region>.vpce.amazonaws.com`.
_HOSTED_ZONES = {
    "ap-northeast-1": "Z2E726K9Y6RL4W",
    "ap-northeast-2": "Z27UANNT0PRK1T",
    "ap-northeast-3": "Z376B5OMM2JZL2",
    "ap-south-1": "Z2KVTB3ZLFM7JR",
    "ap-southeast-1": "Z18LLCSTV4NVNL",
    "ap-southeast-2": "ZDK2GCRPAFKGO",
    "ca-central-1": "ZRCXCF510Y6P9",
    "eu-central-1": "Z273ZU8SZ5RJPC",
    "eu-north-1": "Z3OWWK6JFDEDGC",
    "eu-west-1": "Z38GZ743OKFT7T",
    "eu-west-2": "Z7K1066E3PUKB",
    "eu-west-3": "Z1DWHTMFP0WECP",
    "sa-east-1": "Z2LXUWEVLCVZIB",
    "us-east-1": "Z7HUB22UULQXV",
    "us-east-2": "ZC8PG0KIFKBRI",
    "us-west-1": "Z12I86A8N7VCZO",
    "us-west-2": "Z1YSA3EXCYUU9Z",
}
# The oldest zone, which some services are not in.
_OLDEST_ZONE = "use1-az3"


class EndpointService(msgspec.Struct, frozen=True):
    """A service in a Region that endpoints of one type are made to.

    `private_names` are the public names that private DNS resolves to an endpoint's addresses. With `wildcard` the DNS
    names of an endpoint begin with `*.`.
    """

    name: str
    id: str
    type: str
    region: str
    zones: tuple[AvailabilityZone, ...]
    base_name: str
    private_names: tuple[str, ...]
    takes_policies: bool
    ip_address_types: tuple[str, ...]
    wildcard: bool = False


@cache
def services_in(region: str) -> Sequence[EndpointService]:
    """The services of a Region by name; one that has endpoints of both types is there twice."""
    return tuple(sorted(_read(region), key=lambda service: (service.name, service.type)))


def hosted_zone(region: str) -> str:
    """The id of the hosted zone that has the DNS names of a Region's endpoints."""
    return _HOSTED_ZONES[region]


def _read(region: str) -> Iterator[EndpointService]:
    found = find_region(region)
    for line in _TABLE.read_text(encoding="utf-8").splitlines() if found is not None else ():
        if line.startswith("#"):
            continue
        service, names, flags = (line + "\t\t").split("\t")[:3]
        if "R" in flags and region not in APP_RUNNER_REGIONS:
            continue
        assert found is not None, "the rows are read for Regions alone"
        kind = GATEWAY if "G" in flags else INTERFACE
        name = (service if "{}" in service else f"com.amazonaws.{{}}.{service}").replace("{}", region)
        id = f"vpce-svc-0{hashlib.sha256(f'{name} {kind}'.encode()).hexdigest()[:16]}"
        private_names = _private_names(service, names, region)
        yield EndpointService(
            name=name,
            id=id,
            type=kind,
            region=region,
            zones=tuple(zone for zone in found.zones if not ("X" in flags and zone.id == _OLDEST_ZONE)),
            base_name=_base_name(service, id, kind, private_names, region),
            private_names=private_names,
            takes_policies="P" not in flags,
            ip_address_types=("ipv6", "ipv4") if "6" in flags else ("ipv4",),
            wildcard="W" in flags,
        )


def _base_name(service: str, id: str, kind: str, private_names: tuple[str, ...], region: str) -> str:
    """Return what the DNS names of a service's endpoints end in: its own name, with `vpce` before the domain."""
    if kind == GATEWAY:
        return f"{service}.{region}.amazonaws.com"
    if "{}" in service:
        return f"{id}.{region}.vpce.amazonaws.com"
    own, _, domain = (private_names[0] if private_names else "").removeprefix("*.").partition(f".{region}.")
    if domain != "amazonaws.com":
        own = ".".join(reversed(service.split(".")))
    return f"{own}.{region}.vpce.amazonaws.com"


def _private_names(service: str, names: str, region: str) -> tuple[str, ...]:
    if names == "-":
        return ()
    if not names:
        return (f"{'.'.join(reversed(service.split('.')))}.{region}.amazonaws.com",)
    return tuple(name.replace("{}", region) for name in names.split())
