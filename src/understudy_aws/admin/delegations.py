"""What products have registered to ask for temporary permissions, and what they are told (docs/decisions/0053)."""

from __future__ import annotations

import re
from typing import Any

from understudy_aws.admin.errors import ConflictError, InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import AddDelegationBoundary, AddDelegationTemplate, ListDelegationMessages
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.accounts import accounts
from understudy_aws.services.iam.delegation_records import delegation_requests, notifications
from understudy_aws.services.iam.delegation_templates import DelegationTemplate, checked, delegation_templates
from understudy_aws.services.iam.policy_records import PARTNER, Policy, PolicyVersion, policies

# Of a permissions boundary, and of a product's name.
_MOST_CHARACTERS = 6144
_LONGEST_NAME = 30
_TEMPLATE = re.compile(r"[\w+=,.@-]+(/[\w+=,.@-]+)*\Z")
_BOUNDARY = re.compile(r"(?P<domain>[a-z0-9-]+(\.[a-z0-9-]+)+)/(?P<name>[\w+=,.@-]{1,119})\Z")


def listed(gateway: Gateway) -> dict[str, Any]:
    """Return templates, boundaries and requests, without tokens."""
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        return {
            "templates": [
                {"arn": each.arn, "account": each.account, "requestor": each.requestor}
                for each in delegation_templates.scan(tx)
            ],
            "boundaries": [each.arn for each in policies.scan(tx, PARTNER)],
            "requests": [
                {
                    "id": each.id,
                    "state": each.state(now),
                    "requestor": each.requestor,
                    "owner": each.owner or each.owner_account,
                    "template": each.template_arn,
                }
                for each in sorted(delegation_requests.scan(tx), key=lambda each: each.created)
            ],
        }


def add_template(gateway: Gateway, asked: AddDelegationTemplate) -> dict[str, Any]:
    """Register a template, in place of the one of that name; requests that were made by it stay as they are.

    Raises NotFoundError for an account that is not here, and InvalidRequestError for what is no template.
    """
    if not _TEMPLATE.match(asked.name):
        raise InvalidRequestError(f"A template's name is such as example.com/Setup, not {asked.name!r}.")
    requestor = asked.requestor or asked.name.partition("/")[0][:_LONGEST_NAME]
    if len(requestor) > _LONGEST_NAME:
        raise InvalidRequestError(f"A product's name has at most {_LONGEST_NAME} characters.")
    try:
        document = checked(asked.document)
    except ValueError as error:
        raise InvalidRequestError(f"This is no policy template: {error}.") from error
    with gateway.database.transaction() as tx:
        if accounts.get(tx, asked.account) is None:
            raise NotFoundError(f"There is no account {asked.account}. `understudy account add` makes one.")
        template = DelegationTemplate(
            name=asked.name,
            account=asked.account,
            requestor=requestor,
            document=document,
            created=gateway.clock.now(),
        )
        known = delegation_templates.get(tx, template.arn)
        if known is not None and known.account != asked.account:
            raise ConflictError(f"{template.arn} is a template of account {known.account}.")
        delegation_templates.put(tx, template)
    gateway.database.flush()
    return {"arn": template.arn, "account": template.account, "requestor": requestor, "new": known is None}


def add_boundary(gateway: Gateway, asked: AddDelegationBoundary) -> dict[str, Any]:
    """Register a permissions boundary for the roles of every account; its ARN ends in the day.

    It never changes. Raises InvalidRequestError, and ConflictError for a second one of that name on one day.
    """
    named = _BOUNDARY.match(asked.name)
    if named is None:
        raise InvalidRequestError(f"A boundary's name is such as example.com/Reader, not {asked.name!r}.")
    if len(asked.document) > _MOST_CHARACTERS:
        raise InvalidRequestError(f"A permissions boundary has at most {_MOST_CHARACTERS} characters.")
    try:
        review(asked.document, "identity")
    except MalformedPolicy as error:
        raise InvalidRequestError(f"This is no policy: {error}.") from error
    now = gateway.clock.now()
    policy = Policy(
        account=PARTNER,
        name=f"{named['name']}_{now:%Y%m%d}",
        id=gateway.ids.iam("ANPA"),
        created=now,
        updated=now,
        versions=(PolicyVersion("v1", asked.document, now),),
        path=f"/{named['domain']}/",
    )
    with gateway.database.transaction() as tx:
        known = policies.get(tx, PARTNER, policy.name.lower())
        if known is not None:
            raise ConflictError(f"{known.arn} exists, and boundaries never change: take another name.")
        policies.put(tx, policy)
    gateway.database.flush()
    return {"arn": policy.arn}


def messages(gateway: Gateway, asked: ListDelegationMessages) -> dict[str, Any]:
    """Return the notifications of all requests, or of those for one topic, with the topic each is published to."""
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        found = [
            {"topic": request.channel, "message": message}
            for request in delegation_requests.scan(tx)
            if asked.topic in {"", request.channel}
            for message in notifications(request, now)
        ]
    return {"messages": sorted(found, key=lambda each: each["message"]["UpdatedAt"])}
