"""`understudy delegation`: a product's templates and boundaries, and what it is told (delegation.md 38.2, 38.4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from delegations import READS, template

from understudy_aws import app, settings
from understudy_aws.cli.main import main
from understudy_aws.services.iam.delegation_records import DelegationRequest, delegation_requests, next_expiry

ACCOUNT = "000000000000"
SETUP = "arn:aws:iam:::delegation-template/example.com/Setup"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:delegations"


@pytest.fixture
def state(tmp_path):
    """A state that a server has made, which runs no more."""
    made = app.build(settings.read({}, state=str(tmp_path / "state")))
    made.make_account(ACCOUNT)
    made.close()
    return tmp_path / "state"


@pytest.fixture
def run(state, capfd):
    def ask(*words: str) -> tuple[int, str, str]:
        code = main(["delegation", *words, "--state", str(state)])
        said = capfd.readouterr()
        return code, said.out, said.err

    return ask


@pytest.fixture
def file(tmp_path):
    """The path of a file with a policy template."""
    path = tmp_path / "template.json"
    path.write_text(template(READS))
    return str(path)


def test_a_template_is_registered_and_replaced(run, file):
    words = ("template", file, "--name", "example.com/Setup", "--partner", ACCOUNT)
    code, said, _ = run(*words)
    assert (0, f"example.com, account {ACCOUNT}, may ask by {SETUP}.\n") == (code, said)
    code, said, _ = run(*words, "--requestor", "Example", "--json")
    assert {"arn": SETUP, "account": ACCOUNT, "requestor": "Example", "new": False} == json.loads(said)
    code, said, _ = run("list")
    assert 0 == code
    assert [SETUP, ACCOUNT, "Example"] == said.splitlines()[1].split()


def test_a_boundary_is_named_by_its_day_and_never_changes(run, file):
    words = ("boundary", file, "--name", "example.com/Reader")
    code, said, _ = run(*words)
    day = datetime.now(UTC).strftime("%Y%m%d")
    arn = f"arn:aws:iam::partner:policy/example.com/Reader_{day}"
    assert (0, f"Roles may have the permissions boundary {arn}.\n") == (code, said)
    code, _, err = run(*words)
    assert 2 == code
    assert f"{arn} exists" in err
    assert f"boundary {arn}" in run("list")[1]


def test_what_iam_published_is_printed(run, state):
    at = datetime.now(UTC)
    made = app.build(settings.read({}, state=str(state)))
    with made.database.transaction() as tx:
        delegation_requests.put(
            tx,
            DelegationRequest(
                id="e4bdcdae-4f66-11ed-0000-000000000000",
                requestor=ACCOUNT,
                requestor_name="Example",
                workflow_id="workflow",
                template_arn=SETUP,
                description="",
                policy=template(READS),
                session_seconds=3600,
                channel=TOPIC,
                created=at,
                expires=next_expiry(at),
                owner_account="111122223333",
                history=(("FINALIZED", at),),
                token="the-token",
            ),
        )
    made.close()
    code, said, _ = run("messages", "--topic", TOPIC)
    assert 0 == code
    first, second = map(json.loads, said.splitlines())
    assert ("StateChange", "FINALIZED") == (first["Type"], first["State"])
    assert ("ExchangeToken", "the-token") == (second["Type"], second["ExchangeToken"])
    assert "" == run("messages", "--topic", TOPIC + "2")[1]
    assert 2 == len(json.loads(run("messages", "--json")[1])["messages"])
    code, said, _ = run("list", "--json")
    assert "the-token" not in said
    assert "FINALIZED" == json.loads(said)["requests"][0]["state"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("templat", "x"), "did you mean template?"),
        (("template",), "Which? understudy delegation template FILE --name example.com/Setup"),
        (("template", "nowhere", "--name", "a/b"), "Whose template is it?"),
        (("template", "nowhere", "--name", "a/b", "--partner", ACCOUNT), "nowhere cannot be read"),
        (("template", "FILE", "--name", "a b", "--partner", ACCOUNT), "A template's name is such as"),
        (("template", "FILE", "--name", "a", "--partner", "1"), "There is no account 1."),
        (
            ("template", "NONE", "--name", "a", "--partner", ACCOUNT),
            "This is no policy template: it is no JSON",
        ),
        (("boundary", "FILE", "--name", "Reader"), "A boundary's name is such as"),
        (("boundary", "NONE", "--name", "example.com/Reader"), "This is no policy"),
    ],
)
def test_what_it_cannot_do_is_said(run, file, tmp_path, words, complaint):
    (tmp_path / "none").write_text("nothing")
    places = {"FILE": file, "NONE": str(tmp_path / "none")}
    code, _, err = run(*(places.get(word, word) for word in words))
    assert 2 == code
    assert complaint in err
