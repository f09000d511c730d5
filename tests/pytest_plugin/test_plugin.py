"""What suites of other people may rely on: each test writes a small suite and runs it in a process of its own."""

from __future__ import annotations

import pytest

PLUGIN = ("-p", "understudy_aws.pytest_plugin")


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a suite of this text with every warning an error; `expect` are the numbers of its outcomes."""
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "PYTEST_XDIST_WORKER",
        "PYTEST_ADDOPTS",
    ):
        monkeypatch.delenv(name, raising=False)

    def suite(text, *options, **expect):
        pytester.makepyfile(test_it=text)
        result = pytester.runpytest_subprocess(*PLUGIN, "-W", "error", *options)
        result.assert_outcomes(**expect)
        return result

    return suite


def test_a_suite_that_uses_nothing_imports_nothing(run):
    run(
        """
        import sys

        def test_what_is_loaded():
            loaded = {name for name in sys.modules if name.startswith("understudy_aws.")}
            assert loaded == {"understudy_aws.pytest_plugin"}
            assert not {"boto3", "botocore", "msgspec", "asyncio"} & set(sys.modules)
        """,
        "-p",
        "no:xdist",
        "-p",
        "no:hypothesispytest",
        passed=1,
    )


def test_each_test_has_an_understudy_of_its_own(run):
    made = """
        def test_{}(understudy):
            understudy.user("ann")
            assert ["Administrator", "ann"] == [
                user["UserName"] for user in understudy.client("iam").list_users()["Users"]
            ]
    """
    run("\n".join(made.format(name) for name in ("first", "second")), passed=2)


def test_helpers_make_callers_and_say_why_they_are_refused(run):
    run(
        """
        import json
        import pytest
        from botocore.exceptions import ClientError, ParamValidationError

        READ = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]}

        @pytest.fixture(params=["a document", "text", "a file"])
        def policy(request, tmp_path):
            file = tmp_path / "policy.json"
            file.write_text(json.dumps(READ))
            return {"a document": READ, "text": json.dumps(READ), "a file": file}[request.param]

        @pytest.mark.parametrize("kind", ["role", "user"])
        def test_callers(understudy, kind, policy):
            reader = getattr(understudy, kind)("reader", policy)
            ec2 = understudy.client("ec2", as_=reader)
            assert ec2.describe_vpcs()["Vpcs"]
            assert reader.arn == understudy.client("sts", as_=reader).get_caller_identity()["Arn"]
            with pytest.raises(ClientError) as refused:
                ec2.create_vpc(CidrBlock="10.0.0.0/16")
            why = understudy.explain(refused.value)
            assert "ec2:CreateVpc" in why and '"Action": "ec2:CreateVpc"' in why

        def test_an_error_without_a_request(understudy):
            with pytest.raises(ValueError, match="No request id is in"):
                understudy.explain(KeyError("x"))

        def test_parameters_are_checked_as_boto3_checks_them(understudy):
            with pytest.raises(ParamValidationError):
                understudy.client("ec2").create_vpc(CidrBlock=5)

        def test_resources(understudy):
            vpc = understudy.resource("ec2").create_vpc(CidrBlock="10.0.0.0/16")
            vpc.create_subnet(CidrBlock="10.0.1.0/24")
            assert [subnet.cidr_block for subnet in vpc.subnets.all()] == ["10.0.1.0/24"]

        @pytest.mark.understudy(iam="soft", account="111122223333")
        def test_settings(understudy):
            nobody = understudy.role("nobody")
            assert understudy.client("ec2", as_=nobody).describe_vpcs()
            assert ":111122223333:" in nobody.arn
        """,
        "--strict-markers",
        passed=10,
    )


SERVER = """
    import os
    import boto3
    import pytest

    @pytest.mark.parametrize("number", range(4))
    def test_a_server(understudy_server, number):
        understudy_server.reset()
        role = understudy_server.role("deploy", {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}]})
        iam = understudy_server.client("iam", as_=role)
        assert iam.list_users()["Users"]
        with pytest.raises(iam.exceptions.ClientError) as refused:
            iam.list_roles()
        assert "iam:ListRoles" in understudy_server.explain(refused.value)
        with open("endpoints", "a") as file:
            file.write(understudy_server.endpoint_url + chr(10))
        assert "AWS_ENDPOINT_URL" not in os.environ
"""


@pytest.mark.system
@pytest.mark.parametrize("workers", [0, 2])
def test_a_server_for_each_worker(run, pytester, workers):
    run(SERVER, "-n", str(workers), "--dist=load", passed=4)
    endpoints = (pytester.path / "endpoints").read_text().split()
    assert (4, max(workers, 1)) == (len(endpoints), len(set(endpoints)))


SUITE = """
    import boto3
    import pytest

    iam = boto3.client("iam")  # made while the suite is collected

    class Code:
        def make(self):
            boto3.client("iam").create_user(UserName="ann")

    @pytest.mark.parametrize("number", range(3))
    def test_code_that_makes_its_own_clients(number, understudy_server):
        Code().make()
        assert ["Administrator", "ann"] == [user["UserName"] for user in iam.list_users()["Users"]]
        assert iam.meta.endpoint_url == understudy_server.endpoint_url
"""


@pytest.mark.system
@pytest.mark.parametrize("workers", [0, 2])
def test_the_option_points_the_whole_suite_at_a_server_that_is_new_for_each_test(run, monkeypatch, workers):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody-else")
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:1")
    run(SUITE, "--understudy", "-n", str(workers), passed=3)


@pytest.mark.system
def test_the_ini_setting_does_the_same_and_says_what_the_state_lives_for(run, pytester):
    pytester.makeini("[pytest]\nunderstudy = true\nunderstudy_reset = module\n")
    lasting = """
        import boto3

        def test_first():
            boto3.client("iam").create_user(UserName="ann")

        def test_second():
            assert boto3.client("iam").get_user(UserName="ann")
    """
    run(lasting, passed=2)


def test_a_wrong_ini_setting_is_one_sentence(pytester):
    pytester.makeini("[pytest]\nunderstudy = true\nunderstudy_reset = sometimes\n")
    result = pytester.runpytest_subprocess(*PLUGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: understudy_reset is one of function, *, not 'sometimes'."])


@pytest.mark.system
def test_the_environment_is_as_before_when_the_suite_ends(pytester):
    """For programs that call `pytest.main` and go on."""
    pytester.makepyfile(test_it=SUITE)
    program = pytester.makepyfile(
        program="""
        import os
        import sys
        import pytest

        os.environ["AWS_PROFILE"] = "mine"
        before = dict(os.environ)
        code = pytest.main(["-p", "understudy_aws.pytest_plugin", "--understudy", "-q", "test_it.py"])
        before.pop("PYTEST_CURRENT_TEST", None)
        assert before == dict(os.environ), before.items() ^ os.environ.items()
        sys.exit(code)
        """
    )
    assert pytester.runpython(program).ret == 0


def test_a_missing_boto3_is_one_sentence(run):
    result = run(
        """
        import sys

        sys.modules["boto3"] = None

        def test_it(understudy):
            pass
        """,
        errors=1,
    )
    result.stdout.fnmatch_lines(["boto3 is not installed, *pip install 'understudy-aws*testing*'"])
    result.stdout.no_fnmatch_line("*Traceback*")
