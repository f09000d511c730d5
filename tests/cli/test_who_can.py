"""`understudy who-can` on the command line: the state, and files of exported accounts."""

from __future__ import annotations

import json
from typing import Any

from understudy_aws.cli.main import main

ACCOUNT = "123456789012"
ADMINISTRATOR = "arn:aws:iam::000000000000:user/Administrator"


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def export() -> dict[str, Any]:
    user, role = f"arn:aws:iam::{ACCOUNT}:user/ada", f"arn:aws:iam::{ACCOUNT}:role/deploy"
    return {
        "UserDetailList": [
            {"UserName": "ada", "UserId": "AIDAADA", "Path": "/", "Arn": user, "GroupList": []}
        ],
        "GroupDetailList": [],
        "Policies": [],
        "RoleDetailList": [
            {
                "RoleName": "deploy",
                "RoleId": "AROADEPLOY",
                "Path": "/",
                "Arn": role,
                "AssumeRolePolicyDocument": document(Principal={"AWS": user}, Action="sts:AssumeRole"),
                "RolePolicyList": [
                    {
                        "PolicyName": "own",
                        "PolicyDocument": document(
                            Action="s3:PutObject",
                            Resource="arn:aws:s3:::site/*",
                            Condition={"StringEquals": {"s3:x-amz-acl": "private"}},
                        ),
                    }
                ],
            }
        ],
    }


def test_the_state_is_asked_without_a_server(left_state, capsys):
    assert 0 == main(["who-can", "ec2:CreateVpc", "--state", left_state])
    said = capsys.readouterr().out
    assert f"can      {ADMINISTRATOR}\n" in said
    assert "allowed by identity arn:aws:iam::aws:policy/AdministratorAccess, statement 1\n" in said
    assert "Of 2 principals, 2 can, 0 can if a condition is met.\n" in said
    assert 1 == main(
        ["who-can", "sts:AssumeRole", "arn:aws:iam::000000000000:role/none", "--state", left_state]
    )
    assert "Nobody can, of 2 principals.\n" == capsys.readouterr().out
    for account, code in (("000000000000", 0), ("111122223333", 2)):
        assert code == main(["who-can", "ec2:CreateVpc", "--state", left_state, "--account", account])
        capsys.readouterr()
    assert 2 == main(["who-can", "create-vpc", "--state", left_state])
    assert "An action is written service:Name" in capsys.readouterr().err


def test_an_export_is_asked_without_any_state(tmp_path, capsys):
    file = tmp_path / "details.json"
    file.write_text(json.dumps(export()))
    asked = ["who-can", "s3:PutObject", "arn:aws:s3:::site/x", "--from", str(file)]
    assert 0 == main([*asked, "--json"])
    found = {each["principal"]: each for each in json.loads(capsys.readouterr().out)["found"]}
    ada = found[f"arn:aws:iam::{ACCOUNT}:user/ada"]
    assert ("sometimes", {"s3:x-amz-acl": "private"}) == (ada["how"], ada["example"])
    assert [f"arn:aws:iam::{ACCOUNT}:role/deploy"] == [step["role"] for step in ada["steps"]]
    assert 0 == main(asked)
    said = capsys.readouterr().out
    assert f"assumes arn:aws:iam::{ACCOUNT}:role/deploy by sts:AssumeRole, trust" in said
    assert "with s3:x-amz-acl=private\n" in said
    assert 0 == main([*asked, "--context", "s3:x-amz-acl=private", "--direct", "--json"])
    always = {
        each["principal"] for each in json.loads(capsys.readouterr().out)["found"] if each["how"] == "always"
    }
    assert {f"arn:aws:iam::{ACCOUNT}:role/deploy", f"arn:aws:iam::{ACCOUNT}:root"} == always


def test_a_step_of_which_it_could_not_be_told_is_told(tmp_path, capsys):
    details = export()
    (statement,) = details["RoleDetailList"][0]["AssumeRolePolicyDocument"]["Statement"]
    statement["Action"] = ["sts:AssumeRole", "sts:TagSession"]
    statement["Condition"] = {
        "StringEquals": {
            "aws:RequestTag/a": "${aws:RequestTag/b}x",
            "aws:RequestTag/b": "${aws:RequestTag/a}x",
        }
    }
    file = tmp_path / "details.json"
    file.write_text(json.dumps(details))
    main(["who-can", "s3:PutObject", "arn:aws:s3:::site/x", "--from", str(file)])
    said = capsys.readouterr().out
    assert f"may      arn:aws:iam::{ACCOUNT}:user/ada\n" in said
    assert f"may assume arn:aws:iam::{ACCOUNT}:role/deploy by sts:AssumeRole\n" in said
    assert "not all values of aws:requesttag/" in said
    assert "and of 1 it could not be told.\n" in said


def test_a_file_that_is_no_export_is_one_sentence(tmp_path, capsys):
    file = tmp_path / "other.json"
    for content in ("{}", "no JSON", json.dumps({"UserDetailList": [{}], "RoleDetailList": []})):
        file.write_text(content)
        assert 2 == main(["who-can", "s3:PutObject", "--from", str(file)])
        said = capsys.readouterr().err
        assert said.startswith(f"understudy: {file}: ")
        assert 1 == said.count("\n")
