"""The AWS SDK for JavaScript leads users, groups, roles and policies through their lives, and assumes roles."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from served_account import FILES, TOOLS, ServedAccount

MODULES = TOOLS / "node_modules"

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (
            shutil.which("node")
            and all((MODULES / "@aws-sdk" / name).is_dir() for name in ("client-iam", "client-sts"))
        ),
        reason="Node.js, @aws-sdk/client-iam or @aws-sdk/client-sts is not here: scripts/try-tools installs the latter",
    ),
]


def test_identities_live_by_the_javascript_sdk(tmp_path):
    """iam.md 2.3, 2.4; sts.md 3.1: errors are of the SDK's classes, with AWS's words."""
    account = ServedAccount(tmp_path)
    try:
        done = subprocess.run(
            ["node", FILES / "javascript" / "identities.cjs"],
            env={**account.environment, "NODE_PATH": str(MODULES)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        number = account.client("sts").get_caller_identity()["Account"]
        role = f"arn:aws:iam::{number}:role/deploy"
        ann = f"User: arn:aws:iam::{number}:user/web/ann is not authorized to perform"
        session = f"User: arn:aws:sts::{number}:assumed-role/deploy/one is not authorized to perform"
        no_trust = "because no role trust policy allows the sts:AssumeRole action"
        no_policy = "because no identity-based policy allows the iam:ListUsers action"
        assert [
            "caller true",
            "user true true web",
            "UserExists SUCCESS",
            "twice EntityAlreadyExistsException 409 User with name ANN already exists.",
            'tags [{"Key":"Team","Value":"ops"}]',
            "group readers ann",
            "PolicyExists SUCCESS",
            "version true iam:GetUser",
            "trust MalformedPolicyDocumentException 400 This policy contains invalid Json",
            "RoleExists SUCCESS",
            "role 7200 deploys 2012-10-17",
            "InstanceProfileExists SUCCESS",
            "profile deploy",
            "assumed true true",
            "too long ValidationError 400 The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            f"none AccessDenied 403 {ann}: sts:AssumeRole on resource: {role}-2 {no_trust}",
            "as the role true",
            f"denied AccessDenied 403 {session}: iam:ListUsers on resource: arn:aws:iam::{number}:user/ {no_policy}",
            "inactive InvalidClientTokenId 403 The security token included in the request is invalid.",
            "in use DeleteConflictException 409 Cannot delete a policy attached to entities.",
            "listed true",
            "gone NoSuchEntityException 404 The user with name ann cannot be found.",
            "class true",
        ] == done.stdout.splitlines()
        assert ["Administrator"] == [each["UserName"] for each in account.client("iam").list_users()["Users"]]
    finally:
        account.close()
