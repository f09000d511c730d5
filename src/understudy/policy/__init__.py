"""The IAM policy engine: documents compiled once, questions decided and explained, without any I/O."""

from understudy.policy.engine.bindings import Bindings
from understudy.policy.engine.decide import decide
from understudy.policy.engine.decision import Decision, reason
from understudy.policy.engine.policies import NamedPolicy, Policy, compile_policy
from understudy.policy.engine.review import review
from understudy.policy.explanation.explanation import Explanation, explain, position_of
from understudy.policy.explanation.remedy import Names, Remedy
from understudy.policy.explanation.rendering import render
from understudy.policy.findings import Finding, validate_policy
from understudy.policy.language.context_keys import principal_context, request_context
from understudy.policy.language.document import MalformedPolicy
from understudy.policy.language.question import Principal, Question
from understudy.policy.recording.observation import Observation
from understudy.policy.recording.record import Recording, record

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
