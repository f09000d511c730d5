"""The IAM policy engine: documents compiled once, questions decided and explained, without any I/O."""

from understudy.policy.bindings import Bindings
from understudy.policy.context_keys import principal_context, request_context
from understudy.policy.decide import decide
from understudy.policy.decision import Decision, reason
from understudy.policy.document import MalformedPolicy
from understudy.policy.explanation import Explanation, explain, render
from understudy.policy.policies import NamedPolicy, Policy, compile_policy
from understudy.policy.question import Principal, Question
from understudy.policy.remedy import Remedy
from understudy.policy.review import review

__all__ = [
    "Bindings",
    "Decision",
    "Explanation",
    "MalformedPolicy",
    "NamedPolicy",
    "Policy",
    "Principal",
    "Question",
    "Remedy",
    "compile_policy",
    "decide",
    "explain",
    "principal_context",
    "reason",
    "render",
    "request_context",
    "review",
]
