"""The event history by the real `aws` command over a socket, as people look up who did what."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

AWS = f"{sys.executable} -m awscli"
SCRIPT = f"""
set -e
{AWS} iam create-user --user-name ann > user.json
{AWS} iam create-access-key --user-name ann > key.json
{AWS} iam get-role --role-name none || true
{AWS} cloudtrail lookup-events --max-items 1 --lookup-attributes AttributeKey=EventName,AttributeValue=CreateUser > one.json
{AWS} cloudtrail lookup-events --start-time 2020-01-01T00:00:00Z \
  --lookup-attributes AttributeKey=EventSource,AttributeValue=iam.amazonaws.com > all.json
{AWS} cloudtrail describe-trails > trails.json
"""


def test_who_did_what_is_looked_up(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "UNDERSTUDY_"))}
    done = subprocess.run(
        [sys.executable, "-m", "understudy_aws", "exec", "--", "sh", "-c", SCRIPT],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "AWS_PAGER": ""},
        timeout=240,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    read = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    (event,) = read["one"]["Events"]
    assert ("CreateUser", "false") == (event["EventName"], event["ReadOnly"])
    record = json.loads(event["CloudTrailEvent"])
    assert read["user"]["User"]["Arn"] == record["responseElements"]["user"]["arn"]
    assert "aws-cli" in record["userAgent"]
    names = [each["EventName"] for each in read["all"]["Events"]]
    assert ["GetRole", "CreateAccessKey", "CreateUser"] == names
    assert read["key"]["AccessKey"]["SecretAccessKey"] not in json.dumps(read["all"])
    assert {"trailList": []} == read["trails"]
