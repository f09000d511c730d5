"""The recorder's promises, over arbitrary observations and questions made of their parts."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.policy import (
    Bindings,
    NamedPolicy,
    Observation,
    Principal,
    Question,
    compile_policy,
    decide,
    record,
    review,
)

ACCOUNT = "111122223333"
ANN = Principal("user", f"arn:aws:iam::{ACCOUNT}:user/ann", ACCOUNT, user_id="AIDAANN")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"

# What narrows an exactly named resource, written out here and taken from no table of the product:
# policies.md 4.6 and the pages of the Service Authorization Reference.
REQUEST_TAGS = {"aws:requesttag/team", "aws:requesttag/cost", "aws:tagkeys"}
NARROWS = {
    "iam:CreateUser": REQUEST_TAGS | {"iam:permissionsboundary"},
    "iam:AttachRolePolicy": {"iam:policyarn", "iam:permissionsboundary"},
    "iam:PassRole": {"iam:passedtoservice"},
    "iam:CreateServiceLinkedRole": {"iam:awsservicename"},
    "ec2:CreateTags": REQUEST_TAGS | {"ec2:createaction"},
    "ec2:ModifyVpcAttribute": {"ec2:attribute", "ec2:attribute/value"},
    "ec2:DescribeVpcs": {"aws:requestedregion"},
    "iam:ListUsers": set(),
    # Unknown to AWS: whatever was seen narrows.
    "acme:Frobnicate": REQUEST_TAGS
    | {"iam:permissionsboundary", "iam:policyarn", "iam:passedtoservice", "iam:awsservicename"}
    | {"ec2:createaction", "ec2:attribute", "ec2:attribute/value", "acme:size"},
}
ONLY_WILDCARD = {"ec2:DescribeVpcs", "iam:ListUsers"}
NOISE = (
    "aws:sourceip",
    "aws:useragent",
    "aws:userid",
    "aws:currenttime",
    "aws:principaltag/team",
    "ec2:vpcid",
)

words = st.sampled_from(
    ["a", "A", "b", "*", "?", "$", "${*}", "${aws:username}", "${", "", "a*", "x y", "é", "日本"]
)
names = st.text(st.sampled_from("ab*?${}/'- é"), max_size=6).map(lambda text: f"r{text}")
resources = names.map(lambda name: f"arn:aws:iam::{ACCOUNT}:role/{name}")
policy_arns = names.map(lambda name: f"arn:aws:iam::{ACCOUNT}:policy/{name}")
contexts = st.fixed_dictionaries(
    {},
    optional={
        "aws:requesttag/team": words,
        "aws:requesttag/cost": words,
        "aws:tagkeys": st.lists(st.sampled_from(["Team", "cost", "x*"]), max_size=3),
        "iam:permissionsboundary": policy_arns | words,
        "iam:policyarn": policy_arns,
        "iam:passedtoservice": words,
        "iam:awsservicename": words,
        "ec2:createaction": words,
        "ec2:attribute": words | st.lists(words, min_size=2, max_size=3),
        "ec2:attribute/value": words,
        "acme:size": words,
        "aws:requestedregion": st.sampled_from(["us-east-1", "eu-west-1"]),
        **dict.fromkeys(NOISE, words),
    },
)
questions = st.builds(
    lambda action, resource, context: Question(ANN, action, resource, context),
    st.sampled_from(sorted(NARROWS)),
    resources | st.just("*"),
    contexts,
)
observed = st.lists(questions, min_size=1, max_size=8)


def is_absent(value):
    return value is None or value == []


def holds(key, seen, asked):
    """Whether a request with the value `asked` is one of those that `seen` stands for."""
    if is_absent(asked):
        return False
    if isinstance(seen, list) or key == "aws:tagkeys":
        return {*asked} <= {*seen} if isinstance(asked, list) else asked in seen
    return seen == asked


def was_seen(question, observation):
    """Whether the question is the observation's in all that counts."""
    seen = observation.question
    if question.action != seen.action:
        return False
    anything = seen.action in ONLY_WILDCARD or seen.resource == "*"
    if not anything and question.resource != seen.resource:
        return False
    keys = set(NARROWS[seen.action])
    if anything and not seen.action.startswith("iam:"):
        keys.add("aws:requestedregion")
    return all(
        holds(key, seen.context[key], question.context.get(key))
        for key in keys
        if not is_absent(seen.context.get(key))
    )


def bindings_of(recording):
    return Bindings(
        identity=tuple(
            NamedPolicy("recorded", compile_policy(json.dumps(each))) for each in recording.policies
        )
    )


@given(observed)
def test_every_observed_question_is_allowed_and_nothing_is_refuted(seen):
    recording = record([Observation(each) for each in seen])
    assert () == recording.refuted
    allowed = bindings_of(recording)
    for each in recording.proven:
        assert decide(each.question, allowed).allowed, (each, recording.policies)
    assert len(seen) == len(recording.proven) + len(recording.unnameable)


@settings(max_examples=200)
@given(observed, st.data())
def test_a_question_is_allowed_exactly_when_it_was_observed(seen, data):
    """Whatever is put together of the parts of what was seen, or of new ones: never wider, never narrower."""
    observations = [Observation(each) for each in seen]
    recording = record(observations)
    allowed = bindings_of(recording)
    for _ in range(5):
        context = dict(data.draw(st.sampled_from(seen)).context)
        for key, value in data.draw(contexts).items():
            if data.draw(st.booleans()):
                context[key] = value
        if context and data.draw(st.booleans()):
            del context[data.draw(st.sampled_from(sorted(context)))]
        question = Question(
            ANN,
            data.draw(st.sampled_from([each.action for each in seen] + sorted(NARROWS))),
            data.draw(st.sampled_from([each.resource for each in seen]) | resources),
            context,
        )
        expected = any(was_seen(question, each) for each in recording.proven)
        assert expected == decide(question, allowed).allowed, (question, recording.policies)


@given(observed, st.randoms(use_true_random=False))
def test_the_order_of_observations_and_their_repetition_change_nothing(seen, random):
    first = record([Observation(each) for each in seen]).policies
    again = [Observation(each) for each in [*seen, *seen]]
    random.shuffle(again)
    assert first == record(again).policies


@given(observed, st.booleans())
def test_iam_takes_the_policies(seen, portable):
    for each in record([Observation(one) for one in seen], portable=portable).policies:
        review(json.dumps(each), "managed")


@given(observed, st.booleans())
def test_no_statement_can_be_left_away(seen, portable):
    """A statement on one resource is about every Region, so each question counts as it would be put in another too."""
    recording = record([Observation(each) for each in seen], portable=portable)
    whole = bindings_of(recording)
    asked = [each.question for each in recording.proven]
    elsewhere = [
        msgspec.structs.replace(each, context={**each.context, "aws:requestedregion": "elsewhere-1"})
        for each in asked
    ]
    asked += [each for each in elsewhere if decide(each, whole).allowed]
    for at, policy in enumerate(recording.policies):
        for number in range(len(policy["Statement"])):
            fewer = {**policy, "Statement": policy["Statement"][:number] + policy["Statement"][number + 1 :]}
            others = [*recording.policies[:at], fewer, *recording.policies[at + 1 :]]
            left = Bindings(
                identity=tuple(NamedPolicy("left", compile_policy(json.dumps(each))) for each in others)
            )
            assert not all(decide(each, left).allowed for each in asked)


# Two runs of one program: the same names and tags, other ids.
EC2 = f"arn:aws:ec2:us-east-1:{ACCOUNT}:"
RUNS = [
    ["vpc-0123456789abcdef0", "subnet-0a1b2c3d", "1" * 32],
    ["vpc-0fedcba9876543210", "subnet-0d3c2b1a", "2" * 32],
]
TEMPLATES = {
    "ec2:CreateVpc": (f"{EC2}vpc/*", {"aws:requesttag/team": "web", "aws:tagkeys": ["team"]}),
    "ec2:DeleteVpc": (f"{EC2}vpc/{{0}}", {"aws:resourcetag/team": "web", "ec2:vpcid": "{0}"}),
    "ec2:CreateSubnet": (f"{EC2}vpc/{{0}}", {}),
    "ec2:DeleteSubnet": (f"{EC2}subnet/{{1}}", {"ec2:vpc": f"{EC2}vpc/{{0}}"}),
    "ec2:CreateTags": (f"{EC2}subnet/{{1}}", {"aws:requesttag/team": "web", "aws:tagkeys": ["team"]}),
    "apprunner:DeleteVpcConnector": (f"arn:aws:apprunner:us-east-1:{ACCOUNT}:vpcconnector/web/1/{{2}}", {}),
    "iam:GetRole": (ROLE, {}),
}


def questions_of(run, actions):
    for action in actions:
        resource, context = TEMPLATES[action]
        filled = {
            key: value.format(*RUNS[run]) if isinstance(value, str) else value
            for key, value in context.items()
        }
        yield Question(ANN, action, resource.format(*RUNS[run]), filled)


def pending(question):
    return question.resource.endswith("/*")


@given(st.lists(st.sampled_from(sorted(TEMPLATES)), min_size=1, unique=True))
def test_a_portable_policy_allows_the_next_run_and_no_other_place(actions):
    """Account, Region, service and type of resource are what they were."""
    recording = record([Observation(each, pending(each)) for each in questions_of(0, actions)], portable=True)
    allowed = bindings_of(recording)
    for each in questions_of(1, actions):
        assert decide(each, allowed).allowed, (each, recording.policies)
        for old, new in (
            ("us-east-1", "us-east-2"),
            (ACCOUNT, "999999999999"),
            (":vpc/", ":volume/"),
            (":subnet/", ":volume/"),
            (":vpcconnector/web/", ":vpcconnector/other/"),
            (":role/deploy", ":role/other"),
        ):
            elsewhere = each.resource.replace(old, new)
            if elsewhere != each.resource:
                assert not decide(Question(ANN, each.action, elsewhere, each.context), allowed).allowed


def test_what_was_widened_is_named_by_statement():
    (observed,) = questions_of(0, ["ec2:DeleteVpc"])
    (widening,) = record([Observation(observed)], portable=True).widenings
    assert ("DeleteVpc", (observed.resource,), f"{EC2}vpc/*") == (
        widening.sid,
        widening.seen,
        widening.allows,
    )
    assert () == record([Observation(observed)]).widenings


def test_a_list_of_which_less_was_not_seen_is_told():
    """ForAllValues holds for fewer values too; there is no operator for all of them."""
    untagging = Question(
        ANN, "iam:UntagUser", f"arn:aws:iam::{ACCOUNT}:user/ann", {"aws:tagkeys": ["a", "b"]}
    )
    (widening,) = record([Observation(untagging)]).widenings
    assert ("UntagUser", ("a", "b")) == (widening.sid, widening.seen)
    tagging = Question(
        ANN,
        "iam:TagUser",
        f"arn:aws:iam::{ACCOUNT}:user/ann",
        {"aws:tagkeys": ["a", "b"], "aws:requesttag/a": "1", "aws:requesttag/b": "2"},
    )
    assert () == record([Observation(tagging)]).widenings


class TestWhoAsks:
    """Only what an identity policy has to allow is in the policy (policies.md 4.8)."""

    question = Question(ANN, "sts:AssumeRole", ROLE, {})

    def observed(self, principal, trusted):
        statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
        trust = compile_policy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), kind="trust")
        question = Question(principal, "sts:AssumeRole", ROLE, {}, ACCOUNT)
        return Observation(question, resource_policy=NamedPolicy(ROLE, trust), trust=True)

    def test_a_role_that_trusts_the_account_leaves_it_to_the_callers_policy(self):
        recording = record([self.observed(ANN, {"AWS": ACCOUNT})])
        assert (1, 0, 0) == (len(recording.proven), len(recording.needless), len(recording.refuted))
        assert "sts:AssumeRole" == recording.policies[0]["Statement"][0]["Action"]

    def test_a_role_that_trusts_the_caller_himself_takes_no_policy(self):
        recording = record([self.observed(ANN, {"AWS": ANN.arn})])
        assert (0, 1, ()) == (len(recording.proven), len(recording.needless), recording.policies)

    def test_a_role_that_trusts_somebody_else_refutes_whatever_is_written(self):
        recording = record([self.observed(ANN, {"AWS": "999999999999"})])
        assert (0, 1) == (len(recording.proven), len(recording.refuted))

    def test_a_service_has_no_identity_policies(self):
        service = Principal("service", service="ec2.amazonaws.com", account=ACCOUNT)
        assert 1 == len(record([self.observed(service, {"Service": "ec2.amazonaws.com"})]).needless)

    def test_a_role_in_another_account_takes_both(self):
        other = Principal("user", "arn:aws:iam::999999999999:user/bo", "999999999999")
        recording = record([self.observed(other, {"AWS": other.arn})])
        assert (1, 0) == (len(recording.proven), len(recording.needless))

    def test_the_root_users_calls_are_written_for_a_user_in_its_place(self):
        root = Principal("root", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
        recording = record([Observation(Question(root, "ec2:DeleteVpc", f"{EC2}vpc/vpc-1"))])
        assert (1, 1) == (len(recording.proven), len(recording.policies))

    def test_a_federated_users_are_what_user_and_session_need(self):
        """Reference sts.md 3.2: the intersection of both."""
        federated = Principal("federated", f"arn:aws:sts::{ACCOUNT}:federated-user/cy", ACCOUNT)
        recording = record([Observation(Question(federated, "ec2:DeleteVpc", f"{EC2}vpc/vpc-1"))])
        assert (1, 0) == (len(recording.proven), len(recording.refuted))


def test_observations_without_their_keys_are_in_and_told():
    observation = Observation(Question(ANN, "iam:PassRole", ROLE, {}), complete=False)
    recording = record([observation])
    assert (observation,) == recording.unnarrowed
    assert "Condition" not in recording.policies[0]["Statement"][0]


def test_nothing_observed_makes_no_policy():
    recording = record([])
    assert ((), 0, ()) == (recording.policies, recording.permissions, recording.refuted)


def test_a_list_of_any_length_stands_in_for_one_value_of_the_same_key():
    one = Question(ANN, "acme:Frobnicate", f"arn:aws:iam::{ACCOUNT}:role/r", {"ec2:attribute": "a"})
    several = Question(ANN, "acme:Frobnicate", "*", {"ec2:attribute": ["a", "a"]})
    (policy,) = record([Observation(one), Observation(several)]).policies
    assert ["*"] == [each["Resource"] for each in policy["Statement"]]
