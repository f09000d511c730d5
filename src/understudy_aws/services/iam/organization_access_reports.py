"""When accounts of an organization last used the services that its policies allow (last-accessed.md 33.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.core.errors import ApiError
from understudy_aws.data import service_catalogue
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.access_reports import (
    AccountsAsked,
    ReportedEntity,
    Use,
    organization_job_of,
    submit_for_accounts,
)
from understudy_aws.services.iam.listings import short_listing

SortKey = Literal[
    "SERVICE_NAMESPACE_ASCENDING",
    "SERVICE_NAMESPACE_DESCENDING",
    "LAST_AUTHENTICATED_TIME_ASCENDING",
    "LAST_AUTHENTICATED_TIME_DESCENDING",
]
_SCP = "SERVICE_CONTROL_POLICY"


def an_access_report(call: Call, params: Params) -> Sequence[Target]:
    """Return the report about an entity, with the policy that it is also about (`iam:OrganizationsPolicyId`)."""
    policy = params.get("organizations_policy_id")
    resource = iam(call.account, f"access-report/{params['entity_path']}")
    return [Target(resource, {"iam:organizationspolicyid": policy} if policy else {})]


@operation("iam:GenerateOrganizationsAccessReport", on=an_access_report)
def generate_organizations_access_report(
    call: Call, *, entity_path: str, organizations_policy_id: str | None = None
) -> Answer:
    """Begin a report about the root, a unit or an account, and one policy if it is named.

    What there is in the organization it asks Organizations with the caller's permissions, as AWS does. Raises
    InvalidInput for a path that leads nowhere, and Organizations' errors.
    """
    ids = [part for part in entity_path.split("/") if part]
    root = call.onward("organizations", "ListRoots")["Roots"][0]
    organization, management = root["Arn"].split("/")[1], root["Arn"].split(":")[4]
    if management != call.account or ids[:2] != [organization, root["Id"]] or not _leads(call, ids[1:]):
        raise errors.invalid_input(f"{entity_path} is the path of no entity of the organization.")
    accounts = dict(_accounts(call, ids[-1], "/".join(ids)))
    if ids[-1] == management:
        levels: list[list[str]] = []
    else:
        accounts.pop(management, None)
        levels = [_policies(call, id) for id in ids[1:]]
    if organizations_policy_id:
        levels = [[_document(call, organizations_policy_id)]]
        accounts = {id: path for id, path in accounts.items() if _binds(call, organizations_policy_id, path)}
    return {
        "JobId": submit_for_accounts(call, entity_path, AccountsAsked(levels, accounts, call.caller.user_id))
    }


@operation("iam:GetOrganizationsAccessReport", on=all_resources)
def get_organizations_access_report(
    call: Call,
    *,
    job_id: str,
    max_items: int | None = None,
    marker: str | None = None,
    sort_key: SortKey | None = None,
) -> Answer:
    """List the services that the policies allow, each with its last use by one of the accounts."""
    job = organization_job_of(call, job_id)
    by = sort_key or "SERVICE_NAMESPACE_ASCENDING"
    uses, accounts = job.uses(), job.entities()
    rows = [_service(service, uses.get(service, ()), accounts) for service in sorted(job.found.services)]
    if by.startswith("LAST"):
        # Services without a use are the oldest.
        rows.sort(
            key=lambda row: row["LastAuthenticatedTime"].timestamp() if "LastAuthenticatedTime" in row else 0
        )
    if by.endswith("DESCENDING"):
        rows.reverse()
    page = short_listing(
        "AccessDetails",
        rows,
        lambda row: row,
        scope=f"GetOrganizationsAccessReport:{job_id}:{by}",
        max_items=max_items,
        marker=marker,
    )
    shown = job.shown()
    if "Error" in shown:
        shown["ErrorDetails"] = shown.pop("Error")
    if job.status == "COMPLETED":
        shown["NumberOfServicesAccessible"] = len(rows)
        shown["NumberOfServicesNotAccessed"] = sum("LastAuthenticatedTime" not in row for row in rows)
    return {**shown, **page}


def _service(prefix: str, uses: Sequence[Use], accounts: Mapping[str, ReportedEntity]) -> Mapping[str, Any]:
    """Return a service as a report shows it; `uses` are those of the service, the latest first."""
    shown: dict[str, Any] = {
        "ServiceName": service_catalogue.name_of(prefix),
        "ServiceNamespace": prefix,
        "TotalAuthenticatedEntities": len({use.by for use in uses}),
    }
    if uses:
        shown["Region"] = uses[0].region
        shown["EntityPath"] = accounts[uses[0].by].path
        shown["LastAuthenticatedTime"] = uses[0].at
    return shown


def _all(call: Call, operation: str, member: str, **params: Any) -> Iterator[Mapping[str, Any]]:
    """Yield what Organizations lists, page after page."""
    token: dict[str, str] = {}
    while True:
        page = call.onward("organizations", operation, **params, **token)
        yield from page[member]
        if not page.get("NextToken"):
            return
        token = {"next_token": page["NextToken"]}


def _leads(call: Call, ids: Sequence[str]) -> bool:
    """Whether each of these is the parent of the one after it."""
    try:
        return all(
            call.onward("organizations", "ListParents", child_id=child)["Parents"][0]["Id"] == parent
            for parent, child in pairwise(ids)
        )
    except ApiError as error:
        if error.code == "ChildNotFoundException":
            return False
        raise


def _accounts(call: Call, id: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield the accounts that an entity is or has below it, each with its path."""
    if id.isdigit():
        yield id, path
        return
    for each in _all(call, "ListChildren", "Children", parent_id=id, child_type="ACCOUNT"):
        yield each["Id"], f"{path}/{each['Id']}"
    for each in _all(call, "ListChildren", "Children", parent_id=id, child_type="ORGANIZATIONAL_UNIT"):
        yield from _accounts(call, each["Id"], f"{path}/{each['Id']}")


def _policies(call: Call, target: str) -> list[str]:
    found = _all(call, "ListPoliciesForTarget", "Policies", target_id=target, filter=_SCP)
    return [_document(call, each["Id"]) for each in found]


def _document(call: Call, policy: str) -> str:
    text: str = call.onward("organizations", "DescribePolicy", policy_id=policy)["Policy"]["Content"]
    return text


def _binds(call: Call, policy: str, path: str) -> bool:
    """Whether a policy is attached to an account or to what is above it."""
    targets = {each["TargetId"] for each in _all(call, "ListTargetsForPolicy", "Targets", policy_id=policy)}
    return not targets.isdisjoint(path.split("/"))
