"""The IAM policy engine: documents compiled once, questions decided and explained, without any I/O."""

from understudy.policy.bindings import Bindings
from understudy.policy.context_keys import principal_context, request_context
from understudy.policy.decide import decide
from understudy.policy.decision import Decision, reason
from understudy.policy.document import MalformedPolicy
from understudy.policy.explanation import Explanation, explain, position_of
from understudy.policy.findings import Finding, validate_policy
from understudy.policy.policies import NamedPolicy, Policy, compile_policy
from understudy.policy.question import Principal, Question
from understudy.policy.recording.observation import Observation
from understudy.policy.recording.record import Recording, record
from understudy.policy.remedy import Names, Remedy
from understudy.policy.rendering import render
from understudy.policy.review import review

__all__ = [
    "Bindings",
    "Decision",
    "Explanation",
    "Finding",
    "MalformedPolicy",
    "NamedPolicy",
    "Names",
    "Observation",
    "Policy",
    "Principal",
    "Question",
    "Recording",
    "Remedy",
    "compile_policy",
    "decide",
    "explain",
    "position_of",
    "principal_context",
    "reason",
    "record",
    "render",
    "request_context",
    "review",
    "validate_policy",
]
