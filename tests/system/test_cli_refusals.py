"""From a refused call to its explanation, by the real commands, against a real server over a socket."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from server_process import ServerProcess, clean_environment

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "understudy_aws"]
NOBODY = "arn:aws:iam::000000000000:user/nobody"
ESCAPE = "\x1b[31mred\x07"


class World:
    """A server with a user without policies, who was refused by IAM and then by EC2."""

    def __init__(self, home, server) -> None:
        self.environment = clean_environment(home, COLUMNS="80")
        self.state = str(home / "state")
        self.endpoint = server.said["endpoint"]
        self.administrator = (server.said["access_key_id"], server.said["secret_access_key"])

    def client(self, service: str, keys=None, **config):
        return boto3.client(
            service,
            region_name="eu-west-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=(keys or self.administrator)[0],
            aws_secret_access_key=(keys or self.administrator)[1],
            config=Config(retries={"max_attempts": 0}, **config),
        )

    def run(self, *arguments: str, **more) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments, "--state", self.state],
            capture_output=True,
            text=True,
            env={**self.environment, **more.pop("environment", {})},
            timeout=60,
            check=False,
            **more,
        )


def refused(function, **arguments) -> ClientError:
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    return caught.value


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    home = tmp_path_factory.mktemp("refusals")
    with ServerProcess(
        "--json", "--state", str(home / "state"), environment=clean_environment(home)
    ) as server:
        world = World(home, server)
        iam = world.client("iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        world.nobody = (key["AccessKeyId"], key["SecretAccessKey"])
        world.first = refused(world.client("iam", world.nobody).create_user, UserName="x")
        world.second = refused(world.client("iam", world.nobody).create_user, UserName="x")
        world.last = refused(
            world.client("ec2", world.nobody, user_agent_extra="agent").create_vpc, CidrBlock="10.0.0.0/16"
        )
        yield world


def id_of(error: ClientError) -> str:
    return error.response["ResponseMetadata"]["RequestId"]


def test_explain_alone_explains_the_latest_refusal(world):
    done = world.run("explain")
    assert 1 == done.returncode, done.stderr
    assert f"request  {id_of(world.last)}\n" in done.stdout
    assert "DENIED  ec2:CreateVpc" in done.stdout


def test_the_beginning_of_an_id_is_enough(world):
    done = world.run("explain", id_of(world.last)[:8])
    assert (1, "") == (done.returncode, done.stderr)
    assert id_of(world.last) in done.stdout


@pytest.mark.parametrize("before", ["", "  aws: "])
def test_the_line_of_the_aws_cli_is_enough_and_several_are_said(world, before):
    done = world.run("explain", f"{before}{world.first}\n")
    assert (1, "That fits 2 calls; this is the latest of them.\n") == (done.returncode, done.stderr)
    assert id_of(world.second) in done.stdout


def test_an_error_that_a_terminal_has_broken_is_read_from_stdin(world):
    text = str(world.second)
    broken = "\n".join(text[at : at + 80] for at in range(0, len(text), 80))
    done = world.run("explain", "-", input=broken)
    assert 1 == done.returncode, done.stderr
    assert id_of(world.second) in done.stdout


def test_a_request_id_is_found_anywhere_in_a_text(world):
    text = f"api error AccessDenied: User (Service: Iam, Status Code: 403, Request ID: {id_of(world.first)})"
    done = world.run("explain", text)
    assert (1, "") == (done.returncode, done.stderr)
    assert id_of(world.first) in done.stdout


def test_ec2s_encoded_message_is_found_in_the_error(world):
    """AWS adds it to the sentence: ec2.md 7.2."""
    assert "Encoded authorization failure message: " in str(world.last)
    done = world.run("explain", str(world.last))
    assert (1, "") == (done.returncode, done.stderr)
    assert id_of(world.last) in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what is this text about", "holds neither a request id nor an error in AWS's words"),
        (
            "An error occurred (AccessDenied) when calling the DeleteUser operation: x",
            "no call with the error AccessDenied, the operation DeleteUser",
        ),
        ("ffffffff-0000-4000-8000-000000000000", "no request ffffffff-0000-4000-8000-000000000000"),
    ],
)
def test_what_fits_nothing_is_one_sentence(world, text, said):
    done = world.run("explain", text)
    assert (2, "") == (done.returncode, done.stdout)
    assert said in done.stderr
    assert 1 == done.stderr.count("\n")


def test_the_trail_fits_eighty_columns_with_date_and_zone(world):
    lines = world.run("trail").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert re.search(r"^ +\d+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  [0-9a-f]{8}  iam:CreateUser$", lines[0])
    assert id_of(world.last)[:8] in lines[-3]
    assert "      UnauthorizedOperation  000000000000:user/nobody in eu-west-1" == lines[-2]
    assert "      nothing allows ec2:CreateVpc" == lines[-1]


def test_json_has_the_order_and_the_numbers_of_the_table(world):
    table = world.run("trail", environment={"COLUMNS": "400"}).stdout.splitlines()[1:]
    entries = json.loads(world.run("trail", "--json").stdout)["entries"]
    assert [line.split()[0] for line in table] == [str(entry["number"]) for entry in entries]
    assert "statement 1" in table[0]
    assert 1 == entries[0]["call"]["evaluations"][-1]["statement"]


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        (["--refused"], ["CreateUser", "CreateUser", "CreateVpc"]),
        (["--refused", "--service", "iam"], ["CreateUser", "CreateUser"]),
        (["--as", NOBODY], ["CreateUser", "CreateUser", "CreateVpc"]),
        (["--as", NOBODY, "--limit", "1"], ["CreateVpc"]),
        (["--since", "4"], ["CreateUser", "CreateVpc"]),
        (["--until", "2"], ["CreateUser", "CreateAccessKey"]),
        (["--since", "1h", "--until", "10m"], []),
    ],
)
def test_calls_are_chosen(world, options, calls):
    entries = json.loads(world.run("trail", "--json", "--until", "5", *options).stdout)["entries"]
    if "10m" not in options:
        assert calls == [entry["call"]["operation"] for entry in entries if entry["number"] <= 5]
    else:
        assert [] == entries


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--of-account", "111111111111"], "There is no account 111111111111; there is 000000000000."),
        (["--service", "s3"], "No service 's3' is served here"),
        (["--since", "yesterday"], "'yesterday' is no time"),
        (["--follow", "--until", "3"], "leave --until and --before away"),
    ],
)
def test_a_choice_that_cannot_be_is_said(world, options, said):
    done = world.run("trail", *options)
    assert (2, "") == (done.returncode, done.stdout)
    assert said in done.stderr


def test_follow_lists_calls_as_they_are_made(world):
    process = subprocess.Popen(
        [*COMMAND, "trail", "-f", "--json", "--limit", "1", "--state", world.state],
        stdout=subprocess.PIPE,
        text=True,
        env=world.environment,
    )
    try:
        first = json.loads(process.stdout.readline())
        world.client("sts").get_caller_identity()
        second = json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()
    assert first["number"] < second["number"]
    assert "GetCallerIdentity" == second["call"]["operation"]


def test_control_characters_of_callers_never_reach_a_terminal(world):
    """What callers send comes back in what is printed, and ESC starts an order to a terminal (ECMA-48 5.3)."""
    tag = {"Key": "team", "Value": f"{ESCAPE}\u202e\u009b31m\nALLOWED"}
    error = refused(
        world.client("ec2", world.nobody).create_tags, Resources=["vpc-0123456789abcdef0"], Tags=[tag]
    )
    outputs = [
        world.run("explain", id_of(error)),
        world.run("trail"),
        world.run("record", "--include-refused", "--as", NOBODY),
        world.run("explain", "--as", NOBODY, "--action", "iam:GetUser", "--resource", f"arn:aws:iam::1:user/{ESCAPE}\nx"),
        world.run("explain", f"An error occurred ({ESCAPE}) when calling"),
        world.run("trail", "--as", ESCAPE),
    ]  # fmt: skip
    for done in outputs:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.stdout + done.stderr)
    assert "\\u001b[31mred\\u0007\\nx" in outputs[3].stdout.replace("\\u000a", "\\n")
    told = world.run("explain", id_of(error), "--json")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", told.stdout)
    assert [tag] == json.loads(told.stdout)["call"]["parameters"]["tags"]


def test_exec_says_what_was_refused_and_how_to_learn_why(world, tmp_path):
    code = (
        "import boto3\n"
        "iam = boto3.client('iam')\n"
        "iam.create_user(UserName='n')\n"
        "key = iam.create_access_key(UserName='n')['AccessKey']\n"
        "them = boto3.client('iam', aws_access_key_id=key['AccessKeyId'], aws_secret_access_key=key['SecretAccessKey'])\n"
        "try: them.create_user(UserName='x')\n"
        "except Exception: pass\n"
    )
    for mode, told in (
        ("strict", "1 call was refused. The last: iam:CreateUser was refused over iam:CreateUser"),
        (
            "soft",
            "1 call would have been refused if IAM were strict. The last: iam:CreateUser was carried out",
        ),
    ):
        state = str(tmp_path / mode)
        command = [*COMMAND, "exec", "--iam", mode, "--state", state, "--", sys.executable, "-c", code]
        done = subprocess.run(
            command, capture_output=True, text=True, env=world.environment, timeout=90, check=False
        )
        assert (0, "") == (done.returncode, done.stdout)
        assert told in done.stderr
        assert ("IAM is soft here" in done.stderr) is (mode == "soft")
        which = re.search(r"To see why: .* explain ([0-9a-f]{8}) --state ", done.stderr)
        assert which
        explained = subprocess.run(
            [*COMMAND, "explain", which[1], "--state", state],
            capture_output=True,
            text=True,
            env=world.environment,
            timeout=60,
            check=False,
        )
        assert (1 if mode == "strict" else 0) == explained.returncode
        assert "DENIED  iam:CreateUser" in explained.stdout
        if mode == "soft":
            listed = subprocess.run(
                [*COMMAND, "trail", "--refused", "--state", state],
                capture_output=True, text=True, env=world.environment, timeout=60, check=False,
            )  # fmt: skip
            assert "ok, though refused (IAM soft)" in listed.stdout


def test_reset_asks_and_obeys_and_keeps_the_keys(tmp_path):
    environment = clean_environment(tmp_path)
    state = str(tmp_path / "state")

    def reset(*options: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "reset", "--state", state, *options],
            input=answer, capture_output=True, text=True, env=environment, timeout=60, check=False,
        )  # fmt: skip

    with ServerProcess("--json", "--state", state, environment=environment) as server:
        world = World(tmp_path, server)
        world.state = state
        world.client("iam").create_user(UserName="kept")
        assert (2, "Nobody answered, so nothing was changed.") == (
            (done := reset()).returncode,
            done.stderr.partition("understudy: ")[2].partition(" In a script")[0],
        )
        done = reset(answer="no\n")
        assert (1, "Nothing was changed.") == (done.returncode, done.stderr.rpartition("] ")[2].strip())
        assert "kept" == world.client("iam").get_user(UserName="kept")["User"]["UserName"]
        assert 0 == reset(answer="yes\n").returncode
        with pytest.raises(ClientError, match="NoSuchEntity"):
            world.client("iam").get_user(UserName="kept")
        done = reset("--yes", "--new-keys")
        assert 0 == done.returncode, done.stderr
        assert "has a new key" in done.stdout
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            world.client("sts").get_caller_identity()


def test_a_new_role_that_is_not_known_yet_is_no_change_of_policies(tmp_path):
    """New roles and keys take AWS seconds to be known (IAM guide, changes that are not always immediately visible)."""
    environment = clean_environment(tmp_path)
    with ServerProcess(
        "--json", "--clock", "aws", "--state", str(tmp_path / "state"), environment=environment
    ) as server:
        world = World(tmp_path, server)
        trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = world.client("iam").create_role(RoleName="new", AssumeRolePolicyDocument=document)["Role"][
            "Arn"
        ]
        refused(world.client("sts").assume_role, RoleArn=arn, RoleSessionName="session")
        done = world.run("explain", environment={"COLUMNS": "400"})
        assert 1 == done.returncode
        assert re.search(
            r"Role new was new: made .* before the call, .*it is known (in \d+ seconds?|by now)", done.stdout
        )
        assert "Policies have changed" not in done.stdout
        iam = world.client("iam")
        key = iam.create_access_key()["AccessKey"]
        refused(world.client("iam", (key["AccessKeyId"], key["SecretAccessKey"])).get_user)
        done = world.run("explain", environment={"COLUMNS": "400"})
        assert f"Access key {key['AccessKeyId']} was new: " in done.stdout
