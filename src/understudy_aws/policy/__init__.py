"""The IAM policy engine, a library without input or output: the one module other packages may import.

Its subpackages are private: `language` (what policies are written in), `engine` (compile, review, decide),
`explanation`, `recording`, `findings` and `access`. The last four are imported when a name of theirs is first used, so
that deciding alone stays quick to import.
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
    from understudy_aws.policy.access.asking import Access
    from understudy_aws.policy.access.claims import Claim, NotAClaim, parse_claim
    from understudy_aws.policy.access.details import (
        AuthorizationDetails,
        NotAuthorizationDetails,
        from_authorization_details,
    )
    from understudy_aws.policy.access.population import Accounts, Actor, Resource
    from understudy_aws.policy.access.proofs import (
        CounterExample,
        NoSuchPrincipal,
        Proof,
        prove,
        prove_in_steps,
    )
    from understudy_aws.policy.access.questions import NotAQuestion
    from understudy_aws.policy.access.who_can import Report, who_can, who_can_in_steps
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
    "access.asking": ("Access",),
    "access.claims": ("Claim", "NotAClaim", "parse_claim"),
    "access.details": ("AuthorizationDetails", "NotAuthorizationDetails", "from_authorization_details"),
    "access.population": ("Accounts", "Actor", "Resource"),
    "access.proofs": ("CounterExample", "NoSuchPrincipal", "Proof", "prove", "prove_in_steps"),
    "access.questions": ("NotAQuestion",),
    "access.who_can": ("Report", "who_can", "who_can_in_steps"),
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
    "Access",
    "Accounts",
    "Actor",
    "AuthorizationDetails",
    "Bindings",
    "Claim",
    "CompiledPolicy",
    "CounterExample",
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
    "NoSuchPrincipal",
    "NotAClaim",
    "NotAQuestion",
    "NotAuthorizationDetails",
    "Observation",
    "PathStep",
    "PolicyType",
    "Position",
    "Principal",
    "Proof",
    "Question",
    "Recording",
    "Remedy",
    "Report",
    "Resource",
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
    "from_authorization_details",
    "is_absent",
    "likely_kind",
    "one_of",
    "parse_claim",
    "position_of",
    "principal_context",
    "prove",
    "prove_in_steps",
    "question_context",
    "reason",
    "record",
    "render",
    "review",
    "simulator_spans",
    "validate_policy",
    "who_can",
    "who_can_in_steps",
]

__getattr__ = names_of(__name__, _LATER)
