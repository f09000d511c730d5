"""Tools that audit accounts read one of ours, and find what is in it."""

from __future__ import annotations

import csv
import json
import subprocess

import pytest
from served_account import FILES, TOOLS, ServedAccount

PROWLER = TOOLS / "prowler" / "bin" / "prowler"
CLOUDSPLAINING = TOOLS / "cloudsplaining" / "bin" / "cloudsplaining"
PARLIAMENT = TOOLS / "parliament" / "bin" / "parliament"
PRINCIPALMAPPER = TOOLS / "principalmapper" / "bin" / "python"

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def needs(path):
    return pytest.mark.skipif(
        not path.exists(), reason=f"{path.parent.parent.name} is not in .tools: scripts/try-tools installs it"
    )


def document(action, **more):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """An account in which some may do more than they should."""
    made = ServedAccount(tmp_path_factory.mktemp("audited"))
    iam = made.client("iam")
    number = made.client("sts").get_caller_identity()["Account"]
    iam.create_account_alias(AccountAlias="audited")
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True)
    iam.create_group(GroupName="developers")
    iam.put_group_policy(
        GroupName="developers", PolicyName="own", PolicyDocument=document(["iam:PassRole", "lambda:*"])
    )
    escalating = iam.create_policy(
        PolicyName="escalating", PolicyDocument=document(["iam:CreatePolicyVersion", "s3:*"])
    )["Policy"]["Arn"]
    for name in ("ann", "bob", "cy"):
        iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "web"}])
        iam.create_access_key(UserName=name)
        iam.add_user_to_group(GroupName="developers", UserName=name)
    iam.create_login_profile(UserName="ann", Password="Correct-Horse-Battery-9")
    iam.attach_user_policy(UserName="bob", PolicyArn=escalating)
    iam.put_user_policy(UserName="cy", PolicyName="own", PolicyDocument=document("sts:AssumeRole"))
    iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
    for name, principal in (
        ("app", {"Service": "ec2.amazonaws.com"}),
        ("function", {"Service": "lambda.amazonaws.com"}),
        ("admin", {"AWS": number}),
    ):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(principal))
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document("s3:*"))
    iam.attach_role_policy(RoleName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.put_role_permissions_boundary(
        RoleName="function", PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess"
    )
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    yield made
    made.close()


def run(account, folder, *words, found=3):
    """What a tool printed, which must have ended well; with `found` some end when they found something."""
    done = subprocess.run(
        words, cwd=folder, env=account.environment, capture_output=True, text=True, timeout=500, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode in (0, found), said[-5000:]
    return said


@needs(PROWLER)
def test_prowler_checks_iam(account, tmp_path):
    """Every check runs; the one that does not finish cannot read the N/A of a root user without a password."""
    said = run(
        account, tmp_path, PROWLER, "aws", "--service", "iam", "--region", "us-east-1", "--no-banner", "--no-color",
        "--log-level", "ERROR", "--output-directory", tmp_path, "--output-formats", "csv",
    )  # fmt: skip
    assert [] == [line for line in said.splitlines() if "ClientError" in line]
    assert ["iam_avoid_root_usage"] == [
        line.split()[4].rstrip(",") for line in said.splitlines() if line.startswith("Something went wrong")
    ]
    (table,) = tmp_path.glob("prowler-output-*.csv")
    with table.open() as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    found = {(row["CHECK_ID"], row["RESOURCE_NAME"]): row["STATUS"] for row in rows}
    number = account.client("sts").get_caller_identity()["Account"]
    assert "PASS" == found["iam_password_policy_minimum_length_14", number]
    assert "FAIL" == found["iam_user_mfa_enabled_console_access", "ann"]
    assert "FAIL" == found["iam_role_administratoraccess_policy", "admin"]


@needs(CLOUDSPLAINING)
def test_cloudsplaining_downloads_and_scans(account, tmp_path):
    run(account, tmp_path, CLOUDSPLAINING, "download", "--include-non-default-policy-versions")
    (details,) = tmp_path.glob("*.json")
    run(
        account, tmp_path, CLOUDSPLAINING, "scan", "--skip-open-report", "--input-file", details, "--output", tmp_path
    )  # fmt: skip
    (results,) = tmp_path.glob("iam-results-*.json")
    found = json.loads(results.read_text())
    policies = {each["PolicyName"]: each for each in found["customer_managed_policies"].values()}
    escalations = policies["escalating"]["PrivilegeEscalation"]["findings"]
    assert "CreateNewPolicyVersion" in [each["type"] for each in escalations]
    assert {"Administrator", "ann", "bob", "cy"} == {each["name"] for each in found["users"].values()}


@needs(PARLIAMENT)
def test_parliament_reads_every_document(account, tmp_path):
    details = tmp_path / "details.json"
    details.write_text(account.aws("iam", "get-account-authorization-details").stdout)
    said = run(account, tmp_path, PARLIAMENT, "--auth-details-file", details, found=1)
    assert "Traceback" not in said
    assert "MALFORMED" not in said
    assert "Unnecessary use of Resource *" in said


@needs(PRINCIPALMAPPER)
def test_principalmapper_draws_its_graph(account, tmp_path):
    script = FILES / "security" / "pmapper.py"
    run(account, tmp_path, PRINCIPALMAPPER, script, "graph", "create")
    said = run(account, tmp_path, PRINCIPALMAPPER, script, "query", "preset privesc *")
    assert "user/bob is an administrative principal" in said
    assert "user/cy can access via sts:AssumeRole role/admin" in said
