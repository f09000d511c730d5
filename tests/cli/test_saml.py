"""`understudy saml`: an identity provider whose assertions are taken, and its key."""

from __future__ import annotations

import json
import stat

import pytest
from refusals import refused

from understudy_aws.cli.main import main
from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/local"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/staff"
FEDERATED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
            "Condition": {"StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml"}},
        }
    ],
}


@pytest.fixture
def run(tmp_path, capfd):
    def ask(*words: str) -> tuple[int, str, str]:
        code = main(["saml", *words, "--state", str(tmp_path / "state")])
        said = capfd.readouterr()
        return code, said.out, said.err

    return ask


@pytest.fixture
def issue(run):
    """An assertion for the role."""

    def issued(*more: str) -> str:
        code, said, err = run("issue", "--role", ROLE, "--provider", PROVIDER, *more)
        assert code == 0, err
        return said.strip()

    return issued


@pytest.fixture
def assume(run):
    """Assume the role at a server that knows the provider."""
    _, metadata, _ = run("metadata")
    with Understudy() as understudy:
        iam = understudy.client("iam")
        iam.create_saml_provider(Name="local", SAMLMetadataDocument=metadata)
        iam.create_role(RoleName="staff", AssumeRolePolicyDocument=json.dumps(FEDERATED))
        sts = understudy.client("sts")
        yield lambda assertion: sts.assume_role_with_saml(
            RoleArn=ROLE, PrincipalArn=PROVIDER, SAMLAssertion=assertion
        )


def test_its_assertions_assume_a_role(issue, assume):
    answer = assume(issue("--subject", "ann", "--source-identity", "ann.b"))
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/staff/ann"
    assert (answer["Subject"], answer["SourceIdentity"]) == ("ann", "ann.b")
    assert answer["Issuer"] == "https://idp.understudy.localhost/"


def test_everything_can_be_said(issue, assume):
    answer = assume(
        issue(
            "--subject", "Ann <&> Bob", "--session", "ann", "--duration", "900", "--tag", "team=a=b",
            "--transitive", "team", "--attribute", "urn:oid:1.3.6.1.4.1.5923.1.1.1.1=staff",
            "--attribute", "urn:oid:1.3.6.1.4.1.5923.1.1.1.1=member",
        )
    )  # fmt: skip
    assert answer["Subject"] == "Ann <&> Bob"
    assert answer["PackedPolicySize"] >= 1


def test_it_is_for_one_recipient(issue, assume):
    with refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", 403):
        assume(issue("--recipient", "https://other.example.com/"))


def test_the_key_is_its_owners_and_stays(run, tmp_path):
    _, first, _ = run("metadata")
    (key,) = tmp_path.rglob("*.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) & 0o077 == 0
    assert "PRIVATE KEY" in key.read_text()
    assert run("metadata")[1] == first
    assert "PRIVATE" not in first


def test_a_damaged_key_is_replaced(run, tmp_path):
    _, first, _ = run("metadata")
    (key,) = tmp_path.rglob("*.pem")
    key.write_text("nonsense")
    assert run("metadata")[1] != first


def test_json(run, issue):
    code, said, _ = run("metadata", "--json")
    assert code == 0
    assert "EntityDescriptor" in json.loads(said)["metadata"]
    assert json.loads(issue("--json"))["assertion"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["issue"], "Say --role ARN --provider ARN."),
        (["sign"], "it takes metadata or issue"),
        (
            ["issue", "--role", ROLE, "--provider", PROVIDER, "--tag", "team"],
            "--tag takes NAME=VALUE, not 'team'.",
        ),
        (
            ["issue", "--role", ROLE, "--provider", PROVIDER, "--subject", "\x01"],
            "That cannot be said in XML",
        ),
    ],
)
def test_what_is_asked_wrongly(run, words, said):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_state_in_memory_keeps_no_key(capfd):
    assert main(["saml", "metadata", "--state", "memory:"]) == 2
    assert "say --state DIR" in capfd.readouterr().err
