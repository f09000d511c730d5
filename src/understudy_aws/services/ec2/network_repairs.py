"""What was put right in the networks of this machine, as the trail says it."""

from __future__ import annotations

from understudy_aws.authn.caller import Caller
from understudy_aws.dataplane.messages import Repair
from understudy_aws.gateway.trail import OWN_SERVICE, Trail, TrailEntry
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import Transaction

_OPERATION = "RepairNetwork"
_SAID = 5


def note_repair(tx: Transaction, trail: Trail, repair: Repair) -> None:
    """Write a repair into the trail of the account that has the VPC, unless it stands there already."""
    if trail.find(repair.id) is not None:
        return
    vpc = next((each for each in vpcs.scan(tx) if each.id == repair.vpc), None)
    account, region = (vpc.account, vpc.region) if vpc is not None else ("", "")
    trail.record(
        tx,
        TrailEntry(
            request_id=repair.id,
            at=repair.at,
            service=OWN_SERVICE,
            operation=_OPERATION,
            caller=Caller("service", account, "node", ""),
            region=region,
            parameters={"vpc": repair.vpc, "count": repair.count, "what": list(repair.what)},
            message=_sentence(repair),
        ),
    )


def _sentence(repair: Repair) -> str:
    said = "; ".join(repair.what[:_SAID])
    more = f"; and {repair.count - _SAID} more" if repair.count > _SAID else ""
    return f"Put right in {repair.vpc or 'the networks'}: {said}{more}."
