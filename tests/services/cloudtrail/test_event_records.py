"""CloudTrail's records of calls, as tools read them."""

from __future__ import annotations

import json

import pytest
from refusals import refused

from understudy_aws.authn.caller import ANONYMOUS, Caller
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.gateway.trail import TrailEntry


@pytest.fixture
def trail(understudy):
    return understudy.client("cloudtrail")


def records(trail, name):
    """CloudTrail's own records of the calls of that name, oldest first."""
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])[
        "Events"
    ]
    return [json.loads(event["CloudTrailEvent"]) for event in events][::-1]


def trust(account):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}],
        }
    )


def test_a_call_by_a_user(understudy, trail):
    """cloudtrail.md 31.1 to 31.3."""
    understudy.client("iam").create_user(UserName="ann", Tags=[{"Key": "team", "Value": "red"}])
    (record,) = records(trail, "CreateUser")
    user = record["responseElements"]["user"]
    assert {"team", "ann"} == {record["requestParameters"]["tags"][0]["key"], user["userName"]}
    assert "arn:aws:iam::000000000000:user/ann" == user["arn"]
    identity = record["userIdentity"]
    assert {
        "type": "IAMUser",
        "principalId": understudy.client("iam").get_user()["User"]["UserId"],
        "arn": "arn:aws:iam::000000000000:user/Administrator",
        "accountId": "000000000000",
        "accessKeyId": understudy.administrator.access_key_id,
        "userName": "Administrator",
    } == identity
    told = (
        "eventVersion", "eventSource", "eventName", "awsRegion", "readOnly", "eventType", "managementEvent",
        "recipientAccountId", "eventCategory",
    )  # fmt: skip
    assert [
        "1.11", "iam.amazonaws.com", "CreateUser", "us-east-1", False, "AwsApiCall", True, "000000000000", "Management",
    ] == [record[each] for each in told]  # fmt: skip
    assert record["eventTime"].endswith("Z")
    assert record["sourceIPAddress"]
    assert record["userAgent"]
    assert "errorCode" not in record
    assert record["requestID"] != record["eventID"]


def test_reads_have_no_response_and_calls_without_parameters_have_none(understudy, trail):
    """cloudtrail.md 31.3."""
    understudy.client("sts").get_caller_identity()
    (record,) = records(trail, "GetCallerIdentity")
    assert (None, None, True) == (record["requestParameters"], record["responseElements"], record["readOnly"])


def test_secrets_are_in_no_record(understudy, trail):
    """cloudtrail.md 31.3."""
    iam = understudy.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    (record,) = records(trail, "CreateAccessKey")
    assert key["AccessKeyId"] == record["responseElements"]["accessKey"]["accessKeyId"]
    assert "secretAccessKey" not in record["responseElements"]["accessKey"]
    understudy.client("ssm").put_parameter(Name="p", Value="hush, hush", Type="SecureString")
    assert "HIDDEN_DUE_TO_SECURITY_REASONS" == records(trail, "PutParameter")[0]["requestParameters"]["value"]
    understudy.client("secretsmanager").create_secret(Name="s", SecretString="hush, hush")
    assert "secretString" not in records(trail, "CreateSecret")[0]["requestParameters"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("000000000000"))
    session = understudy.client("sts").assume_role(
        RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="s1"
    )
    everything = json.dumps(trail.lookup_events(), default=str)
    for secret in (
        key["SecretAccessKey"],
        "hush, hush",
        session["Credentials"]["SecretAccessKey"],
        session["Credentials"]["SessionToken"],
    ):
        assert secret not in everything


def test_a_role_is_assumed_and_its_session_calls(understudy, trail):
    """cloudtrail.md 31.2."""
    iam = understudy.client("iam")
    role = iam.create_role(RoleName="r", Path="/p/", AssumeRolePolicyDocument=trust("000000000000"))["Role"]
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    answer = understudy.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="work")
    session = understudy.session_of(answer)
    understudy.client("iam", as_=session).list_users()
    (assumed,) = records(trail, "AssumeRole")
    assert session.access_key_id == assumed["responseElements"]["credentials"]["accessKeyId"]
    assert [{"accountId": "000000000000", "type": "AWS::IAM::Role", "ARN": role["Arn"]}] == assumed[
        "resources"
    ]
    assert f"{role['RoleId']}:work" == assumed["responseElements"]["assumedRoleUser"]["assumedRoleId"]
    (record,) = records(trail, "ListUsers")
    identity = record["userIdentity"]
    created = identity["sessionContext"]["attributes"].pop("creationDate")
    assert created == assumed["eventTime"]
    assert {
        "type": "AssumedRole",
        "principalId": f"{role['RoleId']}:work",
        "arn": "arn:aws:sts::000000000000:assumed-role/r/work",
        "accountId": "000000000000",
        "accessKeyId": session.access_key_id,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role["RoleId"],
                "arn": role["Arn"],
                "accountId": "000000000000",
                "userName": "r",
            },
            "attributes": {"mfaAuthenticated": "false"},
        },
    } == identity
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "work"}])
    assert ["ListUsers"] == [event["EventName"] for event in found["Events"]]


def test_a_federated_user_and_who_asked_for_it(understudy, trail):
    """As DataDog/stratus-red-team recorded it (cloudtrail.md 31.2)."""
    who = understudy.allowing("ann", "sts:GetFederationToken")
    answer = understudy.client("sts", as_=who).get_federation_token(Name="guest")
    understudy.client("sts", as_=understudy.session_of(answer)).get_caller_identity()
    (token,) = records(trail, "GetFederationToken")
    assert False is token["readOnly"]
    assert (
        "arn:aws:sts::000000000000:federated-user/guest" == token["responseElements"]["federatedUser"]["arn"]
    )
    identity = records(trail, "GetCallerIdentity")[-1]["userIdentity"]
    assert ("FederatedUser", "000000000000:guest") == (identity["type"], identity["principalId"])
    user = understudy.client("iam").get_user(UserName="ann")["User"]
    assert {
        "type": "IAMUser",
        "principalId": user["UserId"],
        "arn": user["Arn"],
        "accountId": "000000000000",
        "userName": "ann",
    } == identity["sessionContext"]["sessionIssuer"]


def test_what_is_refused_says_why(understudy, trail):
    """cloudtrail.md 31.1."""
    iam = understudy.client("iam")
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="none")
    (missing,) = records(trail, "GetRole")
    assert ("NoSuchEntityException", "The role with name none cannot be found.") == (
        missing["errorCode"],
        missing["errorMessage"],
    )
    assert {"roleName": "none"} == missing["requestParameters"]
    nobody = understudy.allowing("nobody", "s3:GetObject")
    with refused("AccessDenied"):
        understudy.client("iam", as_=nobody).delete_user(UserName="ann")
    (denied,) = records(trail, "DeleteUser")
    assert "AccessDenied" == denied["errorCode"]
    assert None is denied["responseElements"]
    with refused("UnauthorizedOperation"):
        understudy.client("ec2", as_=nobody).create_vpc(CidrBlock="10.0.0.0/16")
    assert "Client.UnauthorizedOperation" == records(trail, "CreateVpc")[0]["errorCode"]
    with refused("AccessDeniedException"):
        understudy.client("organizations", as_=nobody).create_organization()
    assert "AccessDenied" == records(trail, "CreateOrganization")[0]["errorCode"]


def test_lists_of_ec2_are_items(understudy, trail):
    """cloudtrail.md 31.3."""
    ec2 = understudy.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "b"}])
    ec2.describe_subnets(SubnetIds=[subnet])
    ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    made = records(trail, "CreateVpc")[0]
    assert made["requestID"] == made["responseElements"]["requestId"]
    assert vpc == made["responseElements"]["vpc"]["vpcId"]
    assert {} == made["responseElements"]["vpc"]["tagSet"]
    tagged = records(trail, "CreateTags")[0]
    assert {
        "resourcesSet": {"items": [{"resourceId": vpc}]},
        "tagSet": {"items": [{"key": "a", "value": "b"}]},
    } == tagged["requestParameters"]
    assert True is tagged["responseElements"]["_return"]
    assert {"subnetSet": {"items": [{"subnetId": subnet}]}} == records(trail, "DescribeSubnets")[0][
        "requestParameters"
    ]
    assert {"filterSet": {"items": [{"name": "vpc-id", "valueSet": {"items": [{"value": vpc}]}}]}} == records(
        trail, "DescribeVpcs"
    )[0]["requestParameters"]


def test_what_app_runner_does_as_the_caller_and_as_its_role(understudy, trail):
    """cloudtrail.md 31.2, apprunner.md 6."""
    ec2 = understudy.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    understudy.client("apprunner").create_vpc_connector(VpcConnectorName="connector", Subnets=[subnet])
    (linked,) = records(trail, "CreateServiceLinkedRole")
    assert ("IAMUser", "apprunner.amazonaws.com", "apprunner.amazonaws.com") == (
        linked["userIdentity"]["type"],
        linked["userIdentity"]["invokedBy"],
        linked["sourceIPAddress"],
    )


def test_a_service_by_itself_and_as_its_role(understudy, trail):
    """cloudtrail.md 31.2: the pattern of recorded calls by linked roles."""
    principal = "networking.apprunner.amazonaws.com"
    role = understudy.client("iam").create_service_linked_role(AWSServiceName=principal)["Role"]
    with RoleSession(
        understudy.app.gateway,
        principal=principal,
        role_arn=role["Arn"],
        session_name="AppRunner",
        source_arn="arn:aws:apprunner:us-east-1:000000000000:vpcconnector/c/1/0",
    ) as session:
        session.call("ec2", "DescribeVpcs", region="us-east-1")
    understudy.app.database.flush()
    (assumed,) = records(trail, "AssumeRole")
    assert {"type": "AWSService", "invokedBy": principal} == assumed["userIdentity"]
    (record,) = records(trail, "DescribeVpcs")
    identity = record["userIdentity"]
    assert ("AssumedRole", f"{role['RoleId']}:AppRunner", principal) == (
        identity["type"],
        identity["principalId"],
        identity["invokedBy"],
    )
    assert "accessKeyId" not in identity
    assert role["Arn"] == identity["sessionContext"]["sessionIssuer"]["arn"]
    assert (principal, principal) == (record["sourceIPAddress"], record["userAgent"])


def test_the_root_user(understudy, trail):
    """cloudtrail.md 31.2, 31.4."""
    account = understudy.account
    root = Caller("root", account, f"arn:aws:iam::{account}:root", account)
    understudy.app.gateway.perform(root, "iam", "ListUsers", {}, region="us-east-1")
    understudy.app.database.flush()
    (record,) = records(trail, "ListUsers")
    assert {
        "type": "Root",
        "principalId": account,
        "arn": f"arn:aws:iam::{account}:root",
        "accountId": account,
    } == record["userIdentity"]
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "root"}])
    assert ["ListUsers"] == [event["EventName"] for event in found["Events"]]


def test_who_comes_with_a_token_of_another_identity_provider(understudy, trail):
    """Such a call has no credentials; it is an event of the account whose role it got (cloudtrail.md 31.2)."""
    entry = TrailEntry(
        request_id="11111111-2222-4333-8444-555555555555",
        at=understudy.clock.now(),
        service="sts",
        operation="AssumeRoleWithWebIdentity",
        caller=ANONYMOUS,
        region="us-east-1",
        parameters={"role_arn": "arn:aws:iam::000000000000:role/r", "role_session_name": "s"},
        response={
            "SubjectFromWebIdentityToken": "repo:o/r:ref:refs/heads/main",
            "Audience": "sts.amazonaws.com",
            "Provider": "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com",
        },
    )
    with understudy.app.database.transaction() as tx:
        understudy.app.gateway.trail.record(tx, entry)
    understudy.app.database.flush()
    (record,) = records(trail, "AssumeRoleWithWebIdentity")
    identity = record["userIdentity"]
    assert ("WebIdentityUser", "repo:o/r:ref:refs/heads/main") == (identity["type"], identity["userName"])
    assert identity["identityProvider"].endswith("oidc-provider/token.actions.githubusercontent.com")
    assert "000000000000" == record["recipientAccountId"]


def test_organizations_shows_no_names_of_accounts(understudy, trail):
    """cloudtrail.md 31.3."""
    organizations = understudy.client("organizations")
    organizations.create_organization()
    organizations.create_account(Email="dev@example.com", AccountName="dev")
    record = records(trail, "CreateAccount")[0]
    assert {"email": "****", "accountName": "****"} == record["requestParameters"]
    assert "dev" not in json.dumps(record["responseElements"])
