"""The context keys that policies name, which a simulation needs values for (simulator.md 5.3)."""

from __future__ import annotations

from collections.abc import Iterable

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.policy import MalformedPolicy, context_key_names
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.documents import check_together
from understudy_aws.services.iam.simulated_policies import an_entity, attached_to_entity, existing_entity


@operation("iam:GetContextKeysForCustomPolicy", on=all_resources)
def get_context_keys_for_custom_policy(_call: Call, *, policy_input_list: list[str]) -> Answer:
    """List the keys that the documents name. Raises InvalidInput."""
    check_together(policy_input_list)
    return {"ContextKeyNames": _keys(policy_input_list)}


@operation("iam:GetContextKeysForPrincipalPolicy", on=an_entity)
def get_context_keys_for_principal_policy(
    call: Call, *, policy_source_arn: str, policy_input_list: list[str] | None = None
) -> Answer:
    """List the keys named by an entity's policies and boundary, and by further documents. Raises NoSuchEntity."""
    check_together(policy_input_list or ())
    attached = attached_to_entity(call, existing_entity(call, policy_source_arn))
    return {"ContextKeyNames": _keys([*(each.text for each in attached), *(policy_input_list or ())])}


def _keys(documents: Iterable[str]) -> list[str]:
    try:
        return [name for document in documents for name in context_key_names(document)]
    except MalformedPolicy as error:
        raise errors.invalid_input(error.message) from error
