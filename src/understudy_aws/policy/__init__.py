"""The IAM policy engine, a library without input or output: the one module other packages may import.

Its subpackages are private: `language` (what policies are written in), `engine` (compile, review, decide),
`explanation`, `recording` and `findings`. The last three are imported when a name of theirs is first used, so that
deciding alone stays quick to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy_aws.core.deferred import names_of
from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.context_key_names import context_key_names
from understudy_aws.policy.engine.decide import decide
from understudy_aws.policy.engine.decision import Decision, reason
from understudy_aws.policy.engine.policies import CompiledPolicy, NamedPolicy, compile_policy
from understudy_aws.policy.engine.review import review
from understudy_aws.policy.engine.simulated import compile_simulated
from understudy_aws.policy.language.context_keys import is_absent, principal_context, question_context
from understudy_aws.policy.language.document import MalformedPolicy
from understudy_aws.policy.language.json_text import simulator_spans
from understudy_aws.policy.language.positions import (
    IndexStep,
    KeyStep,
    Location,
    PathStep,
    Position,
    Span,
    SubstringStep,
    ValueStep,
)
from understudy_aws.policy.language.question import Principal, Question

if TYPE_CHECKING:
    from understudy_aws.policy.explanation.absent_keys import AbsentKey, absent_key
    from understudy_aws.policy.explanation.evaluation import (
        Evaluation,
        LayerReport,
        StatementReport,
        evaluate,
    )
    from understudy_aws.policy.explanation.explanation import Explanation, explain, position_of
    from understudy_aws.policy.explanation.remedy import Names, Remedy
    from understudy_aws.policy.explanation.rendering import one_of, render
    from understudy_aws.policy.findings.finding import (
        RESOURCE_TYPES,
        TRUST_POLICY,
        Finding,
        FindingType,
        PolicyType,
    )
    from understudy_aws.policy.findings.validate import likely_kind, validate_policy
    from understudy_aws.policy.recording.observation import Observation
    from understudy_aws.policy.recording.record import Recording, record

# Where the names are that are imported when they are first used.
_LATER = {
    "explanation.absent_keys": ("AbsentKey", "absent_key"),
    "explanation.evaluation": ("Evaluation", "LayerReport", "StatementReport", "evaluate"),
    "explanation.explanation": ("Explanation", "explain", "position_of"),
    "explanation.remedy": ("Names", "Remedy"),
    "explanation.rendering": ("one_of", "render"),
    "findings.finding": ("RESOURCE_TYPES", "TRUST_POLICY", "Finding", "FindingType", "PolicyType"),
    "findings.validate": ("likely_kind", "validate_policy"),
    "recording.observation": ("Observation",),
    "recording.record": ("Recording", "record"),
}

__all__ = [
    "RESOURCE_TYPES",
    "TRUST_POLICY",
    "AbsentKey",
    "Bindings",
    "CompiledPolicy",
    "Decision",
    "Evaluation",
    "Explanation",
    "Finding",
    "FindingType",
    "IndexStep",
    "KeyStep",
    "LayerReport",
    "Location",
    "MalformedPolicy",
    "NamedPolicy",
    "Names",
    "Observation",
    "PathStep",
    "PolicyType",
    "Position",
    "Principal",
    "Question",
    "Recording",
    "Remedy",
    "Span",
    "StatementReport",
    "SubstringStep",
    "ValueStep",
    "absent_key",
    "compile_policy",
    "compile_simulated",
    "context_key_names",
    "decide",
    "evaluate",
    "explain",
    "is_absent",
    "likely_kind",
    "one_of",
    "position_of",
    "principal_context",
    "question_context",
    "reason",
    "record",
    "render",
    "review",
    "simulator_spans",
    "validate_policy",
]

__getattr__ = names_of(__name__, _LATER)
