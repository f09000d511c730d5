"""Short ways to make, change and look at managed prefix lists."""

from __future__ import annotations


def make(ec2, *blocks, size=10, family="IPv4", name="offices", **params):
    entries = [{"Cidr": block} for block in blocks]
    made = ec2.create_managed_prefix_list(
        PrefixListName=name, MaxEntries=size, AddressFamily=family, Entries=entries, **params
    )
    return made["PrefixList"]["PrefixListId"]


def shown(ec2, id):
    (found,) = ec2.describe_managed_prefix_lists(PrefixListIds=[id])["PrefixLists"]
    return found


def entries(ec2, id, **params):
    told = ec2.get_managed_prefix_list_entries(PrefixListId=id, **params)["Entries"]
    return {entry["Cidr"]: entry.get("Description", "") for entry in told}


def modify(ec2, id, **params):
    return ec2.modify_managed_prefix_list(PrefixListId=id, **params)["PrefixList"]


def rule_about(id, port=443):
    """A permission for TCP to a port, whose peer is a prefix list."""
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": [{"PrefixListId": id}]}
