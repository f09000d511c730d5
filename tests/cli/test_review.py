"""`understudy review`, as a person and as a program would ask it."""

from __future__ import annotations

import io
import json

import pytest

from understudy_aws.cli.main import main

GOOD = """{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]
}
"""
BAD = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject",
      "s3:GetObjectz"], "Resource": "bucket"}
  ]
}
"""
PASSES_ROLES = GOOD.replace("s3:GetObject", "iam:PassRole").replace("arn:aws:s3:::bucket/*", "*")
TRUST = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"Service": "tasks.apprunner.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
"""
BUCKET = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
  "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": "*"}]}
"""


@pytest.fixture
def file(tmp_path):
    """A file with a text in it, by its path as text."""

    def write(text, name="policy.json"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_a_good_policy_has_nothing_to_be_said_of_it(file, capsys):
    path = file(GOOD)
    assert 0 == main(["review", path])
    out = capsys.readouterr().out.splitlines()
    assert [f"{path}, read as an identity policy", "  nothing to say", "", "1 file: nothing to say."] == out


def test_an_error_is_told_with_its_place_and_what_to_write(file, capsys):
    path = file(BAD)
    assert 1 == main(["review", path])
    out = capsys.readouterr().out
    assert f"  {path}:5:7: error INVALID_ACTION\n" in out
    assert 's3 has no action "GetObjectz".' in out
    assert 'Write "s3:GetObject", if that is what is meant.' in out
    assert f"  {path}:5:37: error INVALID_ARN_PREFIX\n" in out
    # The place of the refusal is the one of the finding.
    assert '  AWS would refuse it (line 5, column 37): Resource bucket must be in ARN format or "*".\n' in out
    assert out.endswith("1 file: 2 errors, 1 would be refused.\n")


def test_security_warnings_fail_only_when_strict(file, capsys):
    path = file(PASSES_ROLES)
    assert 0 == main(["review", path])
    assert "security warning PASS_ROLE_WITH_STAR_IN_RESOURCE" in capsys.readouterr().out
    assert 1 == main(["review", "--strict", path])


def test_several_files_are_counted_together(file, capsys):
    assert 1 == main(["review", file(GOOD, "good.json"), file(BAD, "bad.json")])
    assert capsys.readouterr().out.endswith("2 files: 2 errors, 1 would be refused.\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD, "an identity policy"),
        (TRUST, "a trust policy"),
        (BUCKET, "a resource policy"),
        ("nonsense", "an identity policy"),
    ],
)
def test_the_kind_of_policy_is_told_from_its_principals(text, told, file, capsys):
    main(["review", file(text)])
    assert f", read as {told}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("managed", "a managed policy"),
        ("boundary", "a boundary policy"),
        ("session", "a session policy"),
        ("scp", "a service control policy"),
    ],
)
def test_the_kind_can_be_given(kind, told, file, capsys):
    assert 0 == main(["review", "--type", kind, file(GOOD)])
    assert f", read as {told}\n" in capsys.readouterr().out


def test_a_trust_policy_is_no_identity_policy(file, capsys):
    assert 0 == main(["review", file(TRUST)])
    assert 1 == main(["review", "--type", "identity", file(TRUST)])
    assert "UNSUPPORTED_PRINCIPAL" in capsys.readouterr().out


def test_what_a_policy_is_attached_to_matters(file, capsys):
    path = file(BUCKET)
    assert 0 == main(["review", path])
    capsys.readouterr()
    assert 1 == main(["review", "--attached-to", "AWS::S3::Bucket", path])
    assert "UNSUPPORTED_RESOURCE_ARN_IN_POLICY" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["--attached-to", "AWS::EC2::Instance"], ["--type", "scp", "--attached-to", "AWS::S3::Bucket"]]
)
def test_a_resource_type_that_does_not_go_is_asked_wrongly(words, file, capsys):
    assert 2 == main(["review", *words, file(BUCKET)])
    assert "--attached-to" in capsys.readouterr().err


def test_standard_input_is_read(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert 1 == main(["review", "-"])
    assert "standard input:5:7: error INVALID_ACTION" in capsys.readouterr().out


def test_a_program_gets_everything_in_json(file, capsys):
    path = file(BAD)
    assert 1 == main(["review", "--json", path])
    answer = json.loads(capsys.readouterr().out)
    [told] = answer["files"]
    assert (path, "identity") == (told["file"], told["type"])
    assert {"message": 'Resource bucket must be in ARN format or "*".', "line": 5, "column": 37} == told[
        "refused"
    ]
    assert {"ERROR": 2, "SECURITY_WARNING": 0, "WARNING": 0, "SUGGESTION": 0, "refused": 1} == answer[
        "counts"
    ]
    first = told["findings"][0]
    assert ("ERROR", "INVALID_ACTION") == (first["type"], first["code"])
    [location] = first["locations"]
    assert [{"value": "Statement"}, {"index": 0}, {"value": "Action"}, {"index": 1}] == location["path"]
    assert {"line": 5, "column": 6, "offset": BAD.index('"s3:GetObjectz"')} == location["span"]["start"]


def test_a_part_of_a_string_is_told_in_the_shape_of_the_api(file, capsys):
    main(["review", "--json", file(GOOD.replace("s3:GetObject", "dynamdb:GetItem"))])
    [finding] = [
        finding
        for finding in json.loads(capsys.readouterr().out)["files"][0]["findings"]
        if finding["code"] == "INVALID_SERVICE_IN_ACTION"
    ]
    assert {"substring": {"start": 0, "length": 7}} == finding["locations"][0]["path"][-1]


def test_a_file_that_is_not_there_is_a_sentence(capsys):
    assert 2 == main(["review", "/no/such/policy.json"])
    assert "No such file or directory" in capsys.readouterr().err


def test_bytes_that_are_no_text_are_no_trace(tmp_path, capsys):
    path = tmp_path / "policy.json"
    path.write_bytes(b'{"Version": "\xff"}')
    assert 1 == main(["review", str(path)])
    assert "JSON_SYNTAX_ERROR" in capsys.readouterr().out


def test_a_policy_cannot_give_orders_to_the_terminal(file, capsys):
    path = file(GOOD.replace("s3:GetObject", "s3:\\u001b[2J"))
    for words in ([], ["--json"]):
        assert 1 == main(["review", *words, path])
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "u001b[2J" in out
