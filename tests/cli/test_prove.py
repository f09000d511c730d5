"""`understudy prove` on the command line, and its exit codes."""

from __future__ import annotations

import json

from understudy_aws.cli.main import main

ADMINISTRATOR = "arn:aws:iam::000000000000:user/Administrator"


def test_a_claim_is_proven_refuted_or_none(left_state, capsys):
    state = ["--state", left_state]
    assert 0 == main(["prove", "nobody but user/Administrator, root can ec2:CreateVpc on *", *state])
    said = capsys.readouterr().out
    assert said.startswith("PROVEN  nobody but user/Administrator, root can ec2:CreateVpc on *\n")
    assert f"  {ADMINISTRATOR} can.\n" in said
    assert (
        "Assumed: Policies, tags and principals stay as they are, and requests are made from now on.\n"
        in said
    )
    assert 1 == main(["prove", "nobody", "but", "root", "can", "ec2:CreateVpc", "on", "*", *state])
    said = capsys.readouterr().out
    assert f"  {ADMINISTRATOR} can ec2:CreateVpc on *\n" in said
    assert "allowed by identity arn:aws:iam::aws:policy/AdministratorAccess, statement 1\n" in said
    assert 2 == main(["prove", "everybody is happy", *state])
    assert "A claim is one of: nobody can ACTION on RESOURCE" in capsys.readouterr().err
    assert 2 == main(["prove", "nobody but user/eve can ec2:* on *", *state])
    assert "There is no user/eve here." in capsys.readouterr().err


def test_a_claim_about_an_export_needs_no_state(tmp_path, capsys):
    file = tmp_path / "details.json"
    user = {"UserName": "ada", "UserId": "AIDAADA", "Arn": "arn:aws:iam::123456789012:user/ada"}
    file.write_text(json.dumps({"UserDetailList": [user], "RoleDetailList": []}))
    assert 0 == main(["prove", "user/ada cannot * on *", "--from", str(file), "--json"])
    assert "proven" == json.loads(capsys.readouterr().out)["verdict"]
    assert 1 == main(["prove", "nobody can s3:GetObject on arn:aws:s3:::x/y", "--from", str(file)])
    assert "arn:aws:iam::123456789012:root can s3:GetObject" in capsys.readouterr().out


def test_one_account_of_several_is_asked_about(tmp_path, capsys):
    files = []
    for account in ("111122223333", "444455556666"):
        user = {"UserName": "ada", "UserId": "AIDAADA", "Arn": f"arn:aws:iam::{account}:user/ada"}
        file = tmp_path / account
        file.write_text(json.dumps({"UserDetailList": [user], "RoleDetailList": []}))
        files += ["--from", str(file)]
    asked = ["who-can", "ec2:CreateVpc", *files]
    assert 0 == main([*asked, "--account", "444455556666"])
    said = capsys.readouterr().out
    assert "can      arn:aws:iam::444455556666:root\n" in said
    assert "Of 2 principals, 1 can" in said
    claim = "nobody but arn:aws:iam::444455556666:root can ec2:CreateVpc on *"
    assert 1 == main(["prove", claim, *files])
    capsys.readouterr()
    assert 0 == main(["prove", claim, *files, "--account", "444455556666"])
    assert "Assumed: Asked are principals of 444455556666 alone" in capsys.readouterr().out
    assert 2 == main(["prove", claim, *files, "--account", "999999999999"])
    assert "There is no account 999999999999 here." in capsys.readouterr().err
