"""What callers must be allowed to act on, to make, change and delete VPC endpoints (vpc-endpoints.md 15.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.services.ec2.api.targets import Keys, a_new, changes_in, changing
from understudy_aws.services.ec2.route_tables import target_of_route_table
from understudy_aws.services.ec2.security_groups import target_of_group
from understudy_aws.services.ec2.subnets import target_of_subnet
from understudy_aws.services.ec2.vpc_endpoints.records import (
    AMAZON,
    target_of_vpc_endpoint,
    vpc_endpoint_target,
    vpc_endpoints,
)
from understudy_aws.services.ec2.vpcs import target_of_vpc

_TAGS = ("aws:resourcetag/", "ec2:resourcetag/")


def a_new_vpc_endpoint(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making an endpoint: it, its tags, its VPC, route tables, subnets and groups."""
    endpoint, *tagging = a_new(call, params, "vpc-endpoint")
    region = params.get("service_region") or call.region
    keys: Keys = dict(endpoint.keys)
    keys["ec2:vpcemultiregion"] = "false" if region == call.region else "true"
    keys["ec2:vpceserviceregion"] = region
    if params.get("service_name"):
        keys["ec2:vpceservicename"] = params["service_name"]
        keys["ec2:vpceserviceowner"] = AMAZON
    options = params.get("dns_options") or {}
    if options.get("PrivateDnsPreference"):
        keys["ec2:vpceprivatednspreference"] = options["PrivateDnsPreference"]
    if options.get("PrivateDnsSpecifiedDomains"):
        keys["ec2:vpceprivatednsspecifieddomains"] = list(options["PrivateDnsSpecifiedDomains"])
    configured = [each.get("SubnetId") for each in params.get("subnet_configurations") or ()]
    subnets = dict.fromkeys([*(params.get("subnet_ids") or ()), *[id for id in configured if id]])
    return [
        Target(endpoint.resource, keys),
        *tagging,
        with_keys(target_of_vpc(call, params["vpc_id"]), "ec2:vpcid"),
        *[
            with_keys(target_of_route_table(call, id), "ec2:routetableid")
            for id in _ids(params, "route_table_ids")
        ],
        *[with_keys(target_of_subnet(call, id), "ec2:subnetid") for id in subnets],
        *[
            with_keys(target_of_group(call, id), "ec2:securitygroupid")
            for id in _ids(params, "security_group_ids")
        ],
    ]


def an_endpoint_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the endpoint with what is changed, and the route tables, subnets and groups that come or go."""
    id = params["vpc_endpoint_id"]
    tables = _ids(params, "add_route_table_ids", "remove_route_table_ids")
    subnets = _ids(params, "add_subnet_ids", "remove_subnet_ids")
    groups = _ids(params, "add_security_group_ids", "remove_security_group_ids")
    configured = [each.get("SubnetId") for each in params.get("subnet_configurations") or ()]
    return [
        changing(target_of_vpc_endpoint(call, id), changes_in(params, "vpc_endpoint_id")),
        *[with_keys(target_of_route_table(call, table), "ec2:routetableid") for table in tables],
        *[target_of_subnet(call, subnet) for subnet in dict.fromkeys([*subnets, *filter(None, configured)])],
        *[target_of_group(call, group) for group in groups],
    ]


def endpoints_to_delete(call: Call, params: Params) -> Sequence[Target]:
    """Return the endpoints that the request names, with the service of each."""
    targets = []
    for id in dict.fromkeys(params["vpc_endpoint_ids"]):
        found = vpc_endpoints.get(call.tx, call.account, call.region, id)
        if found is None:
            targets.append(target_of_vpc_endpoint(call, id))
        else:
            target = vpc_endpoint_target(found)
            targets.append(Target(target.resource, {**target.keys, "ec2:vpceservicename": found.service}))
    return targets


def _ids(params: Params, *names: str) -> Iterable[str]:
    return dict.fromkeys([id for name in names for id in params.get(name) or ()])


def with_keys(target: Target, *names: str) -> Target:
    """Return a target with its tags and these of its other keys: the action has no more of them."""
    kept = {name: value for name, value in target.keys.items() if name in names or name.startswith(_TAGS)}
    return Target(target.resource, kept)
