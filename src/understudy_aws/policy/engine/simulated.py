"""Documents compiled as IAM's policy simulator reads them: two operators differ from those of requests."""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.policy.engine.conditions.condition import CompiledCondition, compile_condition
from understudy_aws.policy.engine.conditions.numeric import number
from understudy_aws.policy.engine.policies import CompiledPolicy, compile_uncached
from understudy_aws.policy.language.context_keys import Context, is_absent
from understudy_aws.policy.language.document import Condition


def compile_simulated(text: str, kind: str) -> CompiledPolicy:
    """Return the policy in `text` as the simulator evaluates it (simulator.md 5.2). The result is not kept.

    Raises MalformedPolicy when the document cannot be understood.
    """
    policy = compile_uncached(text, kind)
    statements = tuple(
        replace(each, conditions=tuple(map(_simulated_condition, each.conditions)))
        for each in policy.statements
    )
    return CompiledPolicy(text, kind, policy.document, statements)


def _simulated_condition(condition: CompiledCondition) -> CompiledCondition:
    """Return the condition with the simulator's test, which is recorded for NumericNotEquals and NotIpAddress."""
    key, operator = condition.key.lower(), condition.operator.lower().removesuffix("ifexists")
    if operator == "numericnotequals":

        def differs(context: Context) -> bool:
            value = context.get(key)
            return condition.test(context) and not (isinstance(value, str) and number(value) is None)

        return replace(condition, test=differs)
    if operator == "notipaddress" and condition.broken:
        within = compile_condition(Condition("IpAddress", condition.key, condition.values), True, False).test
        return replace(condition, test=lambda context: is_absent(key, context) or not within(context))
    return condition
