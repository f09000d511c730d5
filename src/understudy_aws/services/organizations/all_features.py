"""Enabling all features: the accounts that were invited approve it, and then the management account finalizes it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.descriptions import handshake_shown
from understudy_aws.services.organizations.handshake_records import FEATURES_OPEN_FOR, Handshake, handshakes
from understudy_aws.services.organizations.organization_records import Organization, members, organizations
from understudy_aws.services.organizations.targets import managed
from understudy_aws.store.database import Transaction


@operation("organizations:EnableAllFeatures", on=all_resources)
def enable_all_features(call: Call) -> Answer:
    """Ask every account that was invited to approve all features. Those that were created here need not be asked.

    The management account accepts the handshake that is answered, once all have approved.
    """
    organization = managed(call)
    if organization.features == "ALL":
        raise errors.handshake_constraint(
            "ORGANIZATION_ALREADY_HAS_ALL_FEATURES", "Your organization has all features enabled already."
        )
    if pending_features(call.tx, organization, call.at) is not None:
        raise errors.handshake_constraint(
            "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION",
            "Your organization is already in the process of enabling all features.",
        )
    asked = [
        member.account
        for member in members.where(call.tx, "by_organization", organization.id)
        if member.joined_method == "INVITED" and member.account != organization.management
    ]
    parent = Handshake(
        id=call.ids.organizations("h", 32),
        organization=organization.id,
        management=organization.management,
        account=organization.management,
        requested=call.at,
        expires=call.at + FEATURES_OPEN_FOR,
        state="REQUESTED" if asked else "OPEN",
        action="ENABLE_ALL_FEATURES",
    )
    for account in asked:
        handshakes.put(
            call.tx,
            msgspec.structs.replace(
                parent,
                id=call.ids.organizations("h", 32),
                account=account,
                state="OPEN",
                action="APPROVE_ALL_FEATURES",
                parent=parent.id,
            ),
        )
    return {"Handshake": handshake_shown(call, handshakes.put(call.tx, parent))}


def pending_features(tx: Transaction, organization: Organization, at: datetime) -> Handshake | None:
    """Return the handshake by which an organization is enabling all features, or None."""
    return next(
        (
            each
            for each in handshakes.where(tx, "by_organization", organization.id)
            if each.action == "ENABLE_ALL_FEATURES"
            and each.state in ("REQUESTED", "OPEN")
            and each.expires > at
        ),
        None,
    )


def accepted(tx: Transaction, organization: Organization, handshake: Handshake) -> None:
    """Do what follows when a handshake of enabling all features is accepted."""
    if handshake.action == "ENABLE_ALL_FEATURES":
        organizations.put(tx, msgspec.structs.replace(organization, features="ALL"))
        return
    siblings = handshakes.where(tx, "by_parent", handshake.parent)
    parent = handshakes.get(tx, handshake.parent)
    if parent is not None and all(each.state == "ACCEPTED" for each in siblings if each.id != handshake.id):
        handshakes.put(tx, msgspec.structs.replace(parent, state="OPEN"))
