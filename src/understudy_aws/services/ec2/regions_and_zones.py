"""Regions, availability zones and the attributes of an account."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import PARTITION
from understudy_aws.data.partitions import PARTITIONS
from understudy_aws.data.regions import REGIONS, AvailabilityZone, Region
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable, matching, nothing
from understudy_aws.services.ec2.api.listings import Filters
from understudy_aws.services.ec2.network_interface_changes import GROUPS_PER_INTERFACE
from understudy_aws.services.ec2.vpcs import default_vpc

ZONE_FILTERS: FilterTable = MappingProxyType(
    {
        "group-name": lambda zone: (zone.group_name,),
        "group-long-name": lambda zone: (zone.group_long_name,),
        "message": nothing,
        "opt-in-status": lambda _: ("opt-in-not-required",),
        "parent-zone-id": nothing,
        "parent-zone-name": nothing,
        "region-name": lambda zone: (zone.region,),
        "state": lambda _: ("available",),
        "zone-id": lambda zone: (zone.id,),
        "zone-name": lambda zone: (zone.name,),
        "zone-type": lambda _: ("availability-zone",),
    }
)

REGION_FILTERS: FilterTable = MappingProxyType(
    {
        "endpoint": lambda region: (region.endpoint,),
        "opt-in-status": lambda region: (region.opt_in_status,),
        "region-name": lambda region: (region.name,),
    }
)


@operation("ec2:DescribeAvailabilityZones", on=all_resources)
def describe_availability_zones(
    call: Call,
    *,
    filters: Filters = None,
    zone_names: list[str] | None = None,
    zone_ids: list[str] | None = None,
    all_availability_zones: bool | None = None,  # noqa: ARG001 - no zone here needs opting in
) -> Answer:
    """Describe the Region's zones."""
    matches = matching(filters, ZONE_FILTERS)
    region = find_region(call.region)
    zones = region.zones if region is not None else ()
    for given, known in (
        (zone_names, {zone.name for zone in zones}),
        (zone_ids, {zone.id for zone in zones}),
    ):
        wrong = [name for name in given or () if name not in known]
        if wrong:
            raise errors.invalid(f"Invalid availability zone: [{', '.join(wrong)}]")
    return {
        "AvailabilityZones": [
            _zone(region, zone)
            for zone in zones
            if region is not None
            and (not zone_names or zone.name in zone_names)
            and (not zone_ids or zone.id in zone_ids)
            and (matches is None or matches(zone))
        ]
    }


# The account has enabled none of the Regions that AWS does not enable by itself.
_NOT_ENABLED = MappingProxyType(
    {
        name: Region(name=name, long_name="", geography="", zones=())
        for name in sorted(PARTITIONS[PARTITION] - REGIONS.keys())
    }
)


@operation("ec2:DescribeRegions", on=all_resources)
def describe_regions(
    _call: Call,
    *,
    region_names: list[str] | None = None,
    all_regions: bool | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the Regions that are enabled, or all that are asked for by name or by `all_regions` (ec2.md 7.7)."""
    matches = matching(filters, REGION_FILTERS)
    known = {**REGIONS, **_NOT_ENABLED} if region_names or all_regions else REGIONS
    wrong = [name for name in region_names or () if name not in known]
    if wrong:
        raise errors.invalid(f"Invalid region names: [{', '.join(wrong)}]")
    return {
        "Regions": [
            {
                "OptInStatus": region.opt_in_status,
                "RegionName": region.name,
                "Endpoint": region.endpoint,
            }
            for region in known.values()
            if (not region_names or region.name in region_names) and (matches is None or matches(region))
        ]
    }


@operation("ec2:DescribeAccountAttributes", on=all_resources)
def describe_account_attributes(call: Call, *, attribute_names: list[str] | None = None) -> Answer:
    """Describe what the account may have. The numbers of instances and elastic addresses are AWS's initial quotas."""
    vpc = default_vpc(call.tx, call.account, call.region)
    values = {
        "supported-platforms": "VPC",
        "vpc-max-security-groups-per-interface": str(GROUPS_PER_INTERFACE),
        "max-elastic-ips": "5",
        "max-instances": "20",
        "vpc-max-elastic-ips": "5",
        "default-vpc": vpc.id if vpc is not None else "none",
    }
    wrong = [name for name in attribute_names or () if name not in values]
    if wrong:
        raise errors.invalid_value(wrong[0], "attributeName")
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}
            for name, value in values.items()
            if not attribute_names or name in attribute_names
        ]
    }


def _zone(region: Region, zone: AvailabilityZone) -> Description:
    shown: dict[str, Any] = {
        "OptInStatus": "opt-in-not-required",
        "Messages": [],
        "RegionName": zone.region,
        "ZoneName": zone.name,
        "ZoneId": zone.id,
        "GroupName": zone.group_name,
        "NetworkBorderGroup": zone.region,
        "ZoneType": "availability-zone",
        "GroupLongName": zone.group_long_name,
        "Geography": [{"Name": region.geography}],
        "State": "available",
    }
    return Description(shown)
