"""What `record` prints: policies for a program, and their account for a person."""

from __future__ import annotations

import json

import pytest

from understudy_aws.app import build
from understudy_aws.cli.main import main
from understudy_aws.cli.record import account_of
from understudy_aws.settings import read
from understudy_aws.testing import Understudy

ADMINISTRATOR = "arn:aws:iam::000000000000:user/Administrator"
RECORDED = {
    "principal": ADMINISTRATOR,
    "kind": "user",
    "calls": 1,
    "onward": 0,
    "permissions": 1,
    "policies": [{}],
    "proven": 1,
    "refuted": [],
    "widenings": [],
    "too_long": [],
    "without_permission": [],
    "failed": [],
    "needless": [],
    "unnameable": [],
    "unnarrowed": [],
    "refused": [],
    "noted": 0,
    "unasked": 0,
}
ASKED = {"action": "iam:GetUser", "resource": "arn:aws:iam::1:user/me", "times": 1}


def account(**more):
    return account_of({**RECORDED, **more})


@pytest.fixture
def used_state(tmp_path):
    """A state whose administrator has listed users, looked for two, and asked who he is."""
    directory = str(tmp_path / "used")
    with Understudy(state=directory) as understudy:
        iam = understudy.client("iam")
        iam.list_users()
        for name in ("one", "two"):
            with pytest.raises(iam.exceptions.NoSuchEntityException):
                iam.get_user(UserName=name)
        understudy.client("sts").get_caller_identity()
    return directory


def test_the_policy_is_on_stdout_and_its_account_on_stderr(used_state, capsys):
    assert 0 == main(["record", "--state", used_state])
    printed = capsys.readouterr()
    policy = json.loads(printed.out)
    assert [
        {
            "Sid": "GetUser",
            "Effect": "Allow",
            "Action": "iam:GetUser",
            "Resource": ["arn:aws:iam::000000000000:user/one", "arn:aws:iam::000000000000:user/two"],
        },
        {"Sid": "ListUsers", "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"},
    ] == policy["Statement"]
    assert (
        f"{ADMINISTRATOR}: 4 calls; 3 permissions\n"
        "  asked again under this policy alone: all 3 questions allowed\n"
        "  left out, for it takes no permission: sts:GetCallerIdentity\n"
    ) == printed.err


def test_json_is_the_whole_answer(used_state, capsys):
    assert 0 == main(["record", "--json", "--since", "2", "--until", "2", "--state", used_state])
    answer = json.loads(capsys.readouterr().out)
    assert (1, 2, 2) == (answer["calls"], answer["first"], answer["last"])
    assert [] == answer["principals"][0]["refuted"]


def test_nothing_called_prints_no_policy_and_exits_1(used_state, left_state, capsys):
    assert 1 == main(["record", "--state", left_state])
    assert ("", "Nobody called anything in that time.\n") == capsys.readouterr()
    assert 1 == main(["record", "--as", f"{ADMINISTRATOR}s-brother", "--state", used_state])
    assert ("", f"{ADMINISTRATOR}s-brother called nothing in that time.\n") == capsys.readouterr()
    assert 1 == main(["record", "--since", "4", "--state", used_state])
    assert capsys.readouterr().err.endswith(
        "  nothing of it is for a policy to allow\n  left out, for it takes no permission: sts:GetCallerIdentity\n"
    )


def test_a_time_that_is_none_is_one_sentence(left_state, capsys):
    assert 2 == main(["record", "--since", "yesterday", "--state", left_state])
    assert capsys.readouterr().err.startswith("understudy: 'yesterday' is no time: ")


def test_with_a_command_the_moments_are_its_own(capsys):
    assert 2 == main(["record", "--since", "1", "--", "true"])
    assert capsys.readouterr().err.startswith("understudy: With a command its own calls are recorded")


def test_what_services_did_by_themselves_is_not_in_it_and_counted(tmp_path, capsys):
    directory = str(tmp_path / "rehearsed")
    with Understudy(state=directory) as understudy:
        subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        apprunner = understudy.client("apprunner")
        connector = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])[
            "VpcConnector"
        ]
    main(["rehearse", connector["VpcConnectorArn"], "--state", directory])
    capsys.readouterr()
    assert 0 == main(["record", "--state", directory])
    printed = capsys.readouterr()
    assert "ec2:CreateNetworkInterface" not in printed.out
    assert printed.err.splitlines()[-1].startswith("Not in it: ")


def test_what_is_forgotten_is_said(tmp_path, capsys):
    directory = str(tmp_path / "short")
    with Understudy(state=directory, trail=2) as understudy:
        for _ in range(5):
            understudy.client("iam").list_users()
    assert 0 == main(["record", "--state", directory])
    assert capsys.readouterr().err.startswith(
        "The trail begins with call 4: what was called before is forgotten.\n"
    )


def test_more_policies_than_one_are_counted(tmp_path, capsys):
    directory = str(tmp_path / "long")
    with Understudy(state=directory) as understudy:
        iam = understudy.client("iam")
        for number in range(200):
            with pytest.raises(iam.exceptions.NoSuchEntityException):
                iam.get_user(UserName=f"a-user-of-a-rather-long-name-{number:04}")
    assert 0 == main(["record", "--state", directory])
    printed = capsys.readouterr()
    assert ["  policy 1 of 3:", "  policy 2 of 3:", "  policy 3 of 3:"] == printed.err.splitlines()[2:-1]
    assert "under these policies alone" in printed.err
    assert "These are 3 JSON documents" in printed.err
    decoder, at, sizes = json.JSONDecoder(), 0, []
    while at < len(printed.out):
        policy, at = decoder.raw_decode(printed.out, at)
        sizes.append(len("".join(json.dumps(policy).split())))
        at += 1
    assert 3 == len(sizes)
    assert max(sizes) <= 6144


class TestAccount:
    def test_a_policy_that_is_wrong_is_said_loudly(self):
        assert "  REFUSED when asked again under this policy alone:" in account(refuted=[ASKED])
        assert not any("all" in line and "allowed" in line for line in account(refuted=[ASKED]))

    @pytest.mark.parametrize(
        ("more", "line"),
        [
            (
                {"onward": 1, "calls": 2},
                f"{ADMINISTRATOR}: 2 calls, 1 of them by services on its behalf; 1 permission",
            ),
            ({"noted": 2}, "  refused, but carried out and included, for IAM was soft: 2 questions"),
            ({"unasked": 2}, "  left out, for IAM was off: 2 calls"),
            (
                {"needless": [ASKED]},
                "  left out, for the resource's own policy allows it: iam:GetUser on arn:aws:iam::1:user/me",
            ),
            (
                {"unnameable": [{**ASKED, "resource": "*x", "times": 3}]},
                "  left out, for no policy can name it without allowing more: iam:GetUser on *x (3 times)",
            ),
            (
                {"failed": [{"call": "iam:GetUser", "outcome": "ValidationError", "times": 1}]},
                "  left out, for it failed before any policy was asked: iam:GetUser; ValidationError",
            ),
            (
                {"refused": [{**ASKED, "effect": "implicit-deny", "layer": "identity", "included": False}]},
                "  refused, not included: iam:GetUser on arn:aws:iam::1:user/me; no identity-based policy allows it",
            ),
            (
                {"refused": [{**ASKED, "effect": "explicit-deny", "layer": "scp", "included": True}]},
                "  refused, and included: iam:GetUser on arn:aws:iam::1:user/me; denied by a service control policy",
            ),
            (
                {"unnarrowed": [ASKED]},
                "  not narrowed by conditions, for the trail kept none: iam:GetUser on arn:aws:iam::1:user/me",
            ),
            ({"widenings": [{"sid": "A", "seen": ["x", "y"], "allows": "z"}]}, "  widened, A: x, y -> z"),
            ({"too_long": [2]}, "  policy 2 is longer than a managed policy may be, and cannot be cut"),
        ],
    )
    def test_everything_that_is_left_out_or_put_in_has_its_line(self, more, line):
        assert line in account(**more)

    def test_long_lists_end(self):
        lines = account(unnameable=[{**ASKED, "resource": str(number)} for number in range(100)])
        assert 2 + 20 + 1 == len(lines)
        assert "  … and 80 more like these; --json has them all" == lines[-1]


def test_a_state_is_left_as_it_was(used_state):
    """Asking is no call."""
    before = build(read({}, state=used_state))
    entries = [entry.id for entry in before.database.log()]
    before.close()
    main(["record", "--state", used_state])
    after = build(read({}, state=used_state))
    assert entries == [entry.id for entry in after.database.log()]
    after.close()
