"""Secret environment variables are read as the instance role, and who may not is told why (apprunner-services.md 5.4)."""

from __future__ import annotations

import json

import pytest

from understudy_aws.core.errors import ApiError
from understudy_aws.services.apprunner.secret_values import TASKS, instance_session, secret_values

ACCOUNT, OTHER = "000000000000", "111122223333"
SERVICE = f"arn:aws:apprunner:us-east-1:{ACCOUNT}:service/web/0123456789abcdef0123456789abcdef"
PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/web/db"
READS = [
    {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameters"], "Resource": "*"}
]


class Place:
    """A secret, a parameter and an instance role, whose policy a test chooses."""

    def __init__(self, understudy) -> None:
        self.understudy = understudy
        self.iam = understudy.client("iam")
        self.secrets = understudy.client("secretsmanager")
        self.ssm = understudy.client("ssm")
        self.secret = self.secrets.create_secret(
            Name="web/db", SecretString=json.dumps({"password": "hunter2", "port": 5432, "tls": True})
        )["ARN"]
        self.ssm.put_parameter(Name="/web/db", Value="s3cret-value", Type="SecureString")
        self.role(READS)

    def role(self, statements, principal=TASKS):
        trust = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
        made = self.iam.create_role(
            RoleName=f"instance-{len(self.iam.list_roles()['Roles'])}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )["Role"]
        self.iam.put_role_policy(
            RoleName=made["RoleName"],
            PolicyName="reads",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )
        self.role_arn = made["Arn"]

    def values(self, **references):
        gateway = self.understudy.app.gateway
        with instance_session(gateway, role_arn=self.role_arn, service_arn=SERVICE) as role:
            return secret_values(gateway, role, references, account=ACCOUNT, region="us-east-1")

    def refused(self, code, reference):
        with pytest.raises(ApiError) as caught:
            self.values(DB=reference)
        assert code == caught.value.code
        assert caught.value.message.startswith(f"The value of DB cannot be read from {reference}. ")
        return caught.value.message


@pytest.fixture
def place(understudy):
    return Place(understudy)


def test_secrets_and_parameters_by_whatever_way_they_are_named(place):
    assert place.values(
        WHOLE=place.secret,
        WITHOUT_SUFFIX=place.secret[:-7],
        PASSWORD=f"{place.secret}:password::",
        PORT_=f"{place.secret}:port::",
        TLS=f"{place.secret}:tls:AWSCURRENT:",
        BY_ARN=PARAMETER,
        BY_NAME="/web/db",
    ) == {
        "WHOLE": '{"password": "hunter2", "port": 5432, "tls": true}',
        "WITHOUT_SUFFIX": '{"password": "hunter2", "port": 5432, "tls": true}',
        "PASSWORD": "hunter2",
        "PORT_": "5432",
        "TLS": "true",
        "BY_ARN": "s3cret-value",
        "BY_NAME": "s3cret-value",
    }


def test_a_version_is_chosen_by_stage_or_by_id(place):
    first = place.secrets.describe_secret(SecretId=place.secret)["VersionIdsToStages"]
    place.secrets.put_secret_value(SecretId=place.secret, SecretString="second")
    (id,) = first
    values = place.values(
        NOW=place.secret,
        BEFORE=f"{place.secret}:password:AWSPREVIOUS:",
        BY_ID=f"{place.secret}:password::{id}",
    )
    assert {"NOW": "second", "BEFORE": "hunter2", "BY_ID": "hunter2"} == values


def test_it_is_the_instance_role_that_reads(place):
    place.values(DB=PARAMETER, SECRET=place.secret)
    entries = place.understudy.trail()[-3:]
    assert ["AssumeRole", "GetParameters", "GetSecretValue"] == [each.operation for each in entries]
    assert (TASKS, SERVICE) == (entries[0].caller.arn, entries[0].caller.source_arn)
    assert all(f"/{place.role_arn.rpartition('/')[2]}/" in each.caller.arn for each in entries[1:])
    assert not [
        each for each in map(str, place.understudy.trail()) if "s3cret-value" in each or "hunter2" in each
    ]


@pytest.mark.parametrize(
    ("action", "reference"),
    [("secretsmanager:GetSecretValue", "secret"), ("ssm:GetParameters", "parameter")],
)
class TestPermissions:
    def test_without_the_permission_the_action_is_named(self, place, action, reference):
        place.role([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
        text = place.secret if reference == "secret" else PARAMETER
        told = place.refused("AccessDeniedException", text)
        assert (
            f"is not authorized to perform: {action} on resource: {text} because no identity-based policy"
            in told
        )

    def test_a_statement_that_denies_is_named(self, place, action, reference):
        denial = {"Sid": "NotThis", "Effect": "Deny", "Action": action, "Resource": "*"}
        place.role([*READS, denial])
        told = place.refused("AccessDeniedException", place.secret if reference == "secret" else PARAMETER)
        assert 'with an explicit deny in an identity-based policy. Statement 2 "NotThis" of ' in told
        assert told.endswith(" denies it.")

    def test_the_permission_on_this_one_is_enough(self, place, action, reference):
        text = place.secret if reference == "secret" else PARAMETER
        place.role([{"Effect": "Allow", "Action": action, "Resource": text}])
        assert place.values(DB=text)["DB"]


def test_a_role_that_app_runner_cannot_assume(place):
    place.role(READS, principal="ec2.amazonaws.com")
    assert "sts:AssumeRole" in place.refused("AccessDenied", PARAMETER)


class TestOtherAccounts:
    def test_a_parameter_cannot_be_used(self, place):
        before = len(place.understudy.trail())
        told = place.refused("InvalidRequestException", PARAMETER.replace(ACCOUNT, OTHER))
        assert told.endswith("Parameters of other accounts cannot be used.")
        assert before == len(place.understudy.trail())

    def test_a_secret_under_aws_s_own_key_gives_no_value(self, place):
        """Reference secrets.md 22.3."""
        there = place.understudy.client("secretsmanager", as_=place.understudy.account_administrator(OTHER))
        arn = there.create_secret(Name="theirs", SecretString="a")["ARN"]
        assert "no resource-based policy" in place.refused("AccessDeniedException", arn)
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": ACCOUNT},
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
        }
        there.put_resource_policy(
            SecretId=arn, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        assert "default KMS service key" in place.refused("InvalidRequestException", arn)


def test_what_is_not_there(place):
    place.refused("ParameterNotFound", "/web/nothing")
    place.refused("ResourceNotFoundException", place.secret.replace("web/db", "web/nothing"))
    told = place.refused("ResourceNotFoundException", f"{place.secret}::BLUE:")
    assert "staging label: BLUE" in told


def test_what_has_no_such_value(place):
    place.secrets.create_secret(Name="text", SecretString="no json hunter2")
    place.secrets.create_secret(Name="bytes", SecretBinary=b"hunter2")
    place.secrets.create_secret(Name="null", SecretString='{"key": "hunter2\\u0000"}')
    prefix = place.secret[:-13]
    assert "no key user" in place.refused("InvalidRequestException", f"{place.secret}:user::")
    for reference in (f"{prefix}text:key::", f"{prefix}bytes", f"{prefix}null:key::", "no reference!"):
        assert "hunter2" not in place.refused("InvalidRequestException", reference)
