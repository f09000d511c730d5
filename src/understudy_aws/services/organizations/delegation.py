"""The resource policy of an organization, by which it lets member accounts manage policies (organizations.md 32.3)."""

from __future__ import annotations

from understudy_aws.core import arn as arns
from understudy_aws.gateway.call import Call
from understudy_aws.policy import Bindings, NamedPolicy, Question, compile_policy, decide
from understudy_aws.services.iam.tags import Tags
from understudy_aws.services.organizations.organization_records import Organization
from understudy_aws.store.tables import Record, Table


class ResourcePolicy(Record, frozen=True, kw_only=True):
    """The resource policy of an organization."""

    organization: str
    management: str
    id: str
    content: str
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return arns.organizations(self.management, f"resourcepolicy/{self.organization}/{self.id}")


resource_policies = Table(
    "organizations/resource-policy", ResourcePolicy, key=lambda policy: (policy.organization,)
)


def is_delegated(call: Call, organization: Organization) -> bool:
    """Whether the resource policy lets the caller's account make this call, on everything that it acts on.

    The caller's own policies were asked before. What the resource policy does not allow is refused.
    """
    found = resource_policies.get(call.tx, organization.id)
    if found is None:
        return False
    action = f"organizations:{call.operation}"
    policy = NamedPolicy(found.arn, compile_policy(found.content, kind="resource"))
    bindings = _MAY_DO_EVERYTHING.with_resource(policy, trust=True)
    asked = [(each.resource, each.keys or {}) for each in call.evaluations if each.action == action]
    return all(
        decide(
            Question(
                principal=call.principal,
                action=action,
                resource=resource,
                context={**call.context, **keys},
                resource_account=organization.management,
            ),
            bindings,
        ).allowed
        for resource, keys in asked or [("*", {})]
    )


_MAY_DO_EVERYTHING = Bindings(
    identity=(
        NamedPolicy(
            "",
            compile_policy(
                '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
            ),
        ),
    )
)
