"""Access Analyzer by the real `aws` command over a socket: a path, a query string and JSON, signed and answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

AWS = [sys.executable, "-m", "understudy_aws", "exec", "--", sys.executable, "-m", "awscli"]
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObjekt", "Resource": "*"}],
}


def aws(tmp_path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "UNDERSTUDY_"))}
    return subprocess.run(
        [*AWS, *arguments],
        capture_output=True,
        text=True,
        env={**kept, "HOME": str(tmp_path), "AWS_PAGER": ""},
        timeout=120,
        check=False,
    )


def test_a_policy_in_a_file_is_validated(tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(DOCUMENT))
    done = aws(
        tmp_path, "accessanalyzer", "validate-policy", "--policy-type", "IDENTITY_POLICY",
        "--policy-document", policy.as_uri(), "--page-size", "1",
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)
    codes = [(found["findingType"], found["issueCode"]) for found in json.loads(done.stdout)["findings"]]
    assert ("ERROR", "INVALID_ACTION") in codes


def test_what_is_not_served_is_a_sentence_and_an_exit_code(tmp_path):
    arn = "arn:aws:access-analyzer:us-east-1:000000000000:analyzer/a b+ü"
    done = aws(tmp_path, "accessanalyzer", "list-tags-for-resource", "--resource-arn", arn)
    assert 0 != done.returncode
    assert "(NotImplemented)" in done.stderr
    assert "access-analyzer:ListTagsForResource" in done.stderr
