"""DHCP option sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import parse_address
from understudy_aws.services.ec2.api.filters import FilterTable
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tag_set, tags_for
from understudy_aws.services.ec2.api.targets import Keys, a_new, resource_tags, unknown
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc, vpcs
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

DETACHED = "default"
_PROVIDED = "AmazonProvidedDNS"
_MOST_SERVERS = 4


class DhcpOptions(Record, frozen=True, kw_only=True):
    """A set of DHCP options, by key. `is_default` marks the set AWS gives an account in each region."""

    account: str
    region: str
    id: str
    options: tuple[tuple[str, tuple[str, ...]], ...]
    is_default: bool = False
    tags: dict[str, str] = {}


dhcp_options = Table(
    "ec2/dhcp-options",
    DhcpOptions,
    key=lambda options: (options.account, options.region, options.id),
    indexes={"default": lambda options: ((options.account, options.region),) if options.is_default else ()},
)

OPTION_FILTERS: FilterTable = MappingProxyType(
    {
        "dhcp-options-id": lambda options: (options.id,),
        "key": lambda options: [key for key, _ in options.options],
        "value": lambda options: [value for _, values in options.options for value in values],
        "owner-id": lambda options: (options.account,),
    }
)


def a_new_set(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a set: the set, and tagging it."""
    return a_new(call, params, "dhcp-options")


def a_set(call: Call, params: Params) -> Sequence[Target]:
    """Return the set that the request names."""
    return [target_of_options(call, params["dhcp_options_id"])]


def a_set_and_a_vpc(call: Call, params: Params) -> Sequence[Target]:
    """Return the set and the VPC it is associated with. For the set `default` it is the VPC alone."""
    id = params["dhcp_options_id"]
    sets = [] if id == DETACHED else [target_of_options(call, id)]
    return [*sets, target_of_vpc(call, params["vpc_id"])]


@operation("ec2:CreateDhcpOptions", on=a_new_set)
def create_dhcp_options(
    call: Call, *, dhcp_configurations: list[dict[str, Any]], tag_specifications: TagSpecifications = None
) -> Answer:
    """Make a set of DHCP options. The texts of refusals are AWS's (ec2.md 7.3)."""
    if not dhcp_configurations:
        raise errors.missing("dhcpConfigurations")
    options: dict[str, tuple[str, ...]] = {}
    for entry in dhcp_configurations:
        key = str(entry.get("Key") or "")
        if key not in _RULES:
            raise errors.invalid_value(key, "name", "Unknown DHCP option")
        # AWS takes lists of servers both as several values and as one with commas.
        values = [part.strip() for value in entry.get("Values") or () for part in value.split(",")]
        if key == "domain-name":
            values = [str(value) for value in entry.get("Values") or ()]
        options[key] = _checked(key, values)
    made = dhcp_options.put(
        call.tx,
        DhcpOptions(
            account=call.account,
            region=call.region,
            id=call.ids.ec2("dopt"),
            options=tuple(options.items()),
            tags=tags_for("dhcp-options", tag_specifications),
        ),
    )
    return {"DhcpOptions": described_options(made)}


@operation("ec2:DescribeDhcpOptions", on=all_resources)
def describe_dhcp_options(
    call: Call,
    *,
    dhcp_options_ids: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the account's sets in the Region."""
    found, token = select(
        call, dhcp_options, find_options, OPTION_FILTERS,
        ids=dhcp_options_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="dhcpOptionsSet",
    )  # fmt: skip
    return {"DhcpOptions": [described_options(options) for options in found], "NextToken": token}


@operation("ec2:AssociateDhcpOptions", on=a_set_and_a_vpc)
def associate_dhcp_options(call: Call, *, dhcp_options_id: str, vpc_id: str) -> Answer | None:
    """Associate a VPC with a set. The id `default` removes the association."""
    if dhcp_options_id != DETACHED:
        find_options(call, dhcp_options_id)
    vpc = find_vpc(call, vpc_id)
    vpcs.put(call.tx, replace(vpc, dhcp_options=dhcp_options_id))
    return None


@operation("ec2:DeleteDhcpOptions", on=a_set)
def delete_dhcp_options(call: Call, *, dhcp_options_id: str) -> Answer | None:
    """Delete a set that no VPC uses. Raises DependencyViolation."""
    options = find_options(call, dhcp_options_id)
    if vpcs.count_where(call.tx, "dhcp_options", options.id):
        raise errors.dependency("dhcpOptions", options.id)
    dhcp_options.delete(call.tx, options)
    return None


def default_set(tx: Transaction, account: str, region: str, ids: Ids) -> DhcpOptions:
    """Return the account's default set in the Region, and make it if there is none (ec2.md 7.5)."""
    found = dhcp_options.where(tx, "default", (account, region))
    if found:
        return found[0]
    known = find_region(region)
    suffix = known.private_dns_suffix if known is not None else f"{region}.compute.internal"
    return dhcp_options.put(
        tx,
        DhcpOptions(
            account=account,
            region=region,
            id=ids.ec2("dopt"),
            options=(("domain-name", (suffix,)), ("domain-name-servers", (_PROVIDED,))),
            is_default=True,
        ),
    )


def find_options(call: Call, id: str) -> DhcpOptions:
    """Return the set of this id. Raises InvalidDhcpOptionsId.Malformed, InvalidDhcpOptionsID.NotFound."""
    found = dhcp_options.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("dopt", id)
    return found


@memoized
def described_options(options: DhcpOptions) -> Description:
    """Return a set as answers describe it."""
    return Description(
        {
            "OwnerId": options.account,
            "Tags": tag_set(options.tags),
            "DhcpOptionsId": options.id,
            "DhcpConfigurations": [
                {"Key": key, "Values": [{"Value": value} for value in values]}
                for key, values in options.options
            ],
        }
    )


@memoized
def options_target(options: DhcpOptions) -> Target:
    """Return a set's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(options.tags)
    keys["ec2:dhcpoptionsid"] = options.id
    return Target(ec2(options.region, options.account, f"dhcp-options/{options.id}"), keys)


def target_of_options(call: Call, id: str) -> Target:
    """Return the target of a set, which need not exist."""
    found = dhcp_options.get(call.tx, call.account, call.region, id)
    return options_target(found) if found is not None else unknown(call, "dhcp-options", id)


def _checked(key: str, values: list[str]) -> tuple[str, ...]:
    """Return the values of an option. Raises InvalidParameterValue for values it cannot have."""
    if not values or "" in values:
        raise errors.invalid_value(
            f"empty string for '{key}' is not allowed", "value", "Invalid DHCP option value."
        )
    most, allowed = _RULES[key]
    wrong = values if len(values) > most else [value for value in values if not allowed(value)]
    if wrong:
        raise errors.invalid_value(", ".join(wrong), "value", "Invalid DHCP option value.")
    return tuple(values)


def _server(value: str) -> bool:
    return parse_address(value) is not None


def _name_server(value: str) -> bool:
    return value == _PROVIDED or _server(value)


def _lease(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 10 and 140 <= int(value) <= 2147483647


# How many values an option takes, and which.
_RULES: dict[str, tuple[int, Callable[[str], bool]]] = {
    "domain-name": (1, lambda value: len(value) <= 253),
    "domain-name-servers": (_MOST_SERVERS, _name_server),
    "ntp-servers": (_MOST_SERVERS, _server),
    "netbios-name-servers": (_MOST_SERVERS, _server),
    "netbios-node-type": (1, lambda value: value in ("1", "2", "4", "8")),
    "ipv6-address-preferred-lease-time": (1, _lease),
}
