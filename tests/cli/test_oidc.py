"""`understudy oidc`: issuers that stand for GitHub and others, and their tokens (web-identity.md 36.5)."""

from __future__ import annotations

import base64
import json
import stat

import jwt
import pytest
from issuers import jwk

from understudy_aws import app, settings
from understudy_aws.cli.main import main
from understudy_aws.services.iam.oidc_provider_records import OidcProvider, oidc_providers
from understudy_aws.services.sts.token_claims import EKS, GITHUB, GITLAB


@pytest.fixture
def state(tmp_path):
    """A state that a server has made, which runs no more."""
    made = app.build(settings.read({}, state=str(tmp_path / "state")))
    made.make_account("000000000000")
    made.close()
    return tmp_path / "state"


@pytest.fixture
def run(state, capfd):
    def ask(*words: str) -> tuple[int, str, str]:
        code = main(["oidc", *words, "--state", str(state)])
        said = capfd.readouterr()
        return code, said.out, said.err

    return ask


@pytest.fixture
def claims(run):
    """The claims of a token that is issued by these words."""

    def of(*words):
        code, said, err = run("issue", *words)
        assert (0, "") == (code, err)
        return jwt.decode(said.strip(), options={"verify_signature": False})

    return of


def test_what_stands_for_github_mints_tokens_of_its_key(run, claims):
    code, said, _ = run("add", "github")
    assert 0 == code
    assert f"{GITHUB} mints tokens here" in said
    assert (
        f"aws iam create-open-id-connect-provider --url {GITHUB} --client-id-list sts.amazonaws.com" in said
    )
    code, said, _ = run("add", "github", "--json")
    assert json.loads(said)["new"] is False
    found = claims()
    assert (GITHUB, "sts.amazonaws.com") == (found["iss"], found["aud"])
    assert 300 == found["exp"] - found["iat"]


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ([], "repo:octo-org/octo-repo:ref:refs/heads/main"),
        (["repository=acme/shop"], "repo:acme/shop:ref:refs/heads/main"),
        (["repository=acme/shop", "ref=refs/tags/v1"], "repo:acme/shop:ref:refs/tags/v1"),
        (["repository=acme/shop", "event_name=pull_request"], "repo:acme/shop:pull_request"),
        (["repository=acme/shop", "environment=production"], "repo:acme/shop:environment:production"),
        (["sub=repo:acme/shop:other"], "repo:acme/shop:other"),
    ],
)
def test_githubs_subject_follows_from_the_workflow(run, claims, given, subject):
    """GitHub Docs, "OpenID Connect reference", example subject claims."""
    run("add", "github")
    found = claims("github", *(word for each in given for word in ("--claim", each)))
    assert subject == found["sub"]
    assert {"repository", "repository_owner", "actor", "workflow", "ref", "sha", "job_workflow_ref"} <= set(
        found
    )


def test_gitlab_and_eks_have_subjects_of_their_own(run, claims):
    run("add", "gitlab")
    run("add", "eks")
    assert "project_path:acme/shop:ref_type:branch:ref:main" == claims(
        "gitlab", "--claim", "project_path=acme/shop"
    )["sub"]  # fmt: skip
    found = claims("eks", "--claim", "sub=system:serviceaccount:shop:web")
    assert (EKS, ["sts.amazonaws.com"]) == (found["iss"], found["aud"])
    assert ("shop", "web") == (
        found["kubernetes.io"]["namespace"], found["kubernetes.io"]["serviceaccount"]["name"],
    )  # fmt: skip
    code, _, said = run("issue", "eks", "--claim", "sub=somebody")
    assert 2 == code
    assert "system:serviceaccount:NAMESPACE:NAME" in said
    code, _, said = run("issue")
    assert "Which issuer?" in said
    assert GITLAB in said


def test_claims_are_texts_or_json(run, claims):
    run("add", "https://id.example.com")
    found = claims("--claim", "sub=ann", "--claim", 'amr:=["mfa"]', "--claim", "n=7", "--audience", "app",
                   "--lifetime", "60")  # fmt: skip
    assert ("ann", ["mfa"], "7", "app") == (found["sub"], found["amr"], found["n"], found["aud"])
    assert 60 == found["exp"] - found["iat"]
    for words, told in (
        (("--claim", "nothing"), "A claim is NAME=VALUE"),
        (("--claim", "a:=no"), "is no JSON"),
        ((), "Whom is the token about?"),
        (("--lifetime", "0"), "1 to 1000000000"),
    ):
        code, _, said = run("issue", *words)
        assert 2 == code
        assert told in said


def test_public_keys_verify_and_mint_nothing(run, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk("RS256")]}))
    code, said, _ = run("add", "https://id.example.com", "--jwks", str(keys))
    assert 0 == code
    assert "verified by 1 of its keys" in said
    code, _, said = run("issue", "https://id.example.com", "--claim", "sub=ann")
    assert 2 == code
    assert "mints no tokens here" in said
    keys.write_text("[]")
    code, _, said = run("add", "https://id.example.com", "--jwks", str(keys))
    assert 2 == code
    assert "no JWKS document" in said


@pytest.mark.parametrize("issuer", ["githup", "http://id.example.com", "https://", "https://a b"])
def test_what_is_no_issuer_is_refused(run, issuer):
    code, _, said = run("add", issuer)
    assert 2 == code
    assert "An issuer is github, gitlab, eks or a URL" in said


def test_they_are_listed_with_the_accounts_that_trust_them(run, state):
    assert "There are none" in run("list")[1]
    run("add", "github")
    assert "no account" in run("list")[1]
    made = app.build(settings.read({}, state=str(state)))
    with made.database.transaction() as tx:
        oidc_providers.put(
            tx,
            OidcProvider(
                account="000000000000", url=GITHUB.removeprefix("https://"), created=made.gateway.clock.now()
            ),
        )
    made.database.flush()
    made.close()
    said = run("list")[1]
    assert "000000000000" in said
    assert "PRIVATE" not in said


def test_keys_and_tokens_are_the_owners_alone(run, state, tmp_path):
    """The private key is in the state; a token that is written to a file has no other reader, whatever was there."""
    run("add", "github")
    # Records keep bytes in Base64.
    begins = base64.b64encode(b"-----BEGIN PRIVATE KEY-----")[:-4]
    holding = [each for each in state.rglob("*") if each.is_file() and begins in each.read_bytes()]
    assert holding
    assert {0o600} == {stat.S_IMODE(each.stat().st_mode) for each in holding}
    assert 0o700 == stat.S_IMODE(state.stat().st_mode)
    path = tmp_path / "token"
    path.write_text("was here")
    path.chmod(0o644)
    code, said, _ = run("issue", "--file", str(path))
    assert 0 == code
    assert "has a token about repo:octo-org/octo-repo" in said
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 2 == path.read_text().count(".")


def test_a_misspelt_verb_is_told(run):
    code, _, said = run("isue")
    assert 2 == code
    assert "did you mean issue?" in said
