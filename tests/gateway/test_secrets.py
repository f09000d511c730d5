"""No secret that a client sends is ever written down, whether the operation is served or not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace
from raw_requests import action, signed

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.trail import presentable, presentable_message, presentable_response
from understudy_aws.services import SERVICES
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake
from understudy_aws.wire.secret_members import HARMLESS, HIDDEN, is_secret

# Words of members that hold secrets, as the rule has them; here plurals and numbers are taken off.
SUSPICIOUS = {
    "key", "password", "token", "code", "secret", "environment", "credential", "passphrase", "assertion", "psk",
    "userdata",
}  # fmt: skip
SECRET = "hunter2hunter2hunter2"


def members(shape: Any, path: tuple[Any, ...] = ()) -> Any:
    """Every member of a shape and below it: the path to it, its name and its shape."""
    if shape.type == "structure":
        for name, member in shape.members.items():
            yield (*path, shape), name, member.shape
            if shape not in path:
                yield from members(member.shape, (*path, shape))
    elif shape.type == "list":
        yield from members(shape.element.shape, path)
    elif shape.type == "map":
        yield from members(shape.value.shape, path)


def inputs():
    for service in SERVICES:
        shape = load(service.id)
        for name in sorted(shape.operation_names):
            operation = shape.operation(name)
            if operation.input is not None:
                yield service, operation


def sounds_secret(name: str) -> bool:
    words = re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return not SUSPICIOUS.isdisjoint(word.lower().rstrip("s") for word in (*words, "".join(words[-2:])))


def filled(shape: Any, depth: int = 0, name: str = "", hidden: bool = False) -> Any:
    """A value with `SECRET` wherever the rule, read off the name and the description, says that there is one."""
    hidden = hidden or shape.is_sensitive
    if shape.type == "structure":
        if depth > 5:
            return {}
        return {each: filled(member.shape, depth + 1, each, hidden) for each, member in shape.members.items()}
    if shape.type == "list":
        return [filled(shape.element.shape, depth + 1, name, hidden)]
    if shape.type == "map":
        below = hidden or shape.key.shape.is_sensitive or shape.value.shape.is_sensitive
        return {
            SECRET if shape.key.shape.is_sensitive else "k": filled(shape.value.shape, depth + 1, name, below)
        }
    if shape.type in {"string", "blob"}:
        suspicious = sounds_secret(name) and snake(name) not in HARMLESS and not shape.enum
        return SECRET if hidden or suspicious else "x"
    return 1


def test_no_secret_of_any_member_of_any_operation_is_kept():
    """Every member of every operation of every service here: what is sensitive, or called like a secret."""
    seen = 0
    for _, operation in inputs():
        value = filled(operation.input)
        params = {snake(name): each for name, each in value.items()}
        kept = json.dumps(presentable(params, operation.input), default=str)
        assert SECRET not in kept, (operation, kept)
        if SECRET in json.dumps(value):
            seen += 1
            told = presentable_message(f"'{SECRET}' is none", operation.input, lambda params=params: params)
            assert f"'{HIDDEN}' is none" == told
    assert seen > 40


def test_none_is_in_what_policies_are_asked(understudy):
    """Not as a condition key, and not in the ARN of a resource: the whole entry of each operation that is not served."""
    gateway = understudy.app.gateway
    with understudy.app.database.transaction() as tx:
        known = gateway.credentials.credential(tx, understudy.administrator.access_key_id)
    tried = 0
    for service, operation in inputs():
        if operation.name in service.operations:
            continue
        params = {snake(name): value for name, value in filled(operation.input).items()}
        with pytest.raises(ApiError):
            gateway.perform(known.caller, service.id, operation.name, params, region="us-east-1")
        understudy.app.database.flush()
        (row, *_) = understudy.app.database.log(limit=1)
        assert operation.name.encode() in row.body
        assert SECRET.encode() not in row.body, row.body
        tried += 1
    assert tried > 700


def test_what_is_no_secret_is_kept():
    """A trail that hides everything would explain nothing."""
    hidden = kept = 0
    for _, operation in inputs():
        for _, name, shape in members(operation.input):
            if is_secret(name, shape):
                hidden += 1
            else:
                kept += 1
    assert hidden < kept / 30


def test_the_harmless_names_are_the_apis():
    """Each exception is a member that some operation has; a name that is gone is taken out of the list."""
    names = {snake(name) for _, operation in inputs() for _, name, _ in members(operation.input)}
    assert HARMLESS <= names


@pytest.mark.parametrize(
    ("service", "name", "params", "kept"),
    [
        ("iam", "change_password", {"OldPassword": SECRET, "NewPassword": SECRET}, {}),
        ("iam", "create_login_profile", {"UserName": "ann", "Password": SECRET}, {"user_name": "ann"}),
        (
            "iam",
            "upload_server_certificate",
            {"ServerCertificateName": "c", "CertificateBody": "x", "PrivateKey": SECRET},
            {"server_certificate_name": "c", "certificate_body": "x"},
        ),
        (
            "iam",
            "enable_mfa_device",
            {"UserName": "a", "SerialNumber": "arn:aws:iam::1:mfa/a", "AuthenticationCode1": "135790",
             "AuthenticationCode2": "246802"},
            {"user_name": "a", "serial_number": "arn:aws:iam::1:mfa/a"},
        ),
        (
            "iam",
            "create_saml_provider",
            {"SAMLMetadataDocument": "x" * 1000, "Name": "idp", "AddPrivateKey": SECRET},
            {"name": "idp"},
        ),
        (
            "ec2",
            "run_instances",
            {"MinCount": 1, "MaxCount": 1, "UserData": SECRET, "KeyName": "mine", "ClientToken": "t"},
            {"min_count": 1, "key_name": "mine", "client_token": "t"},
        ),
        (
            "ec2",
            "create_vpn_connection",
            {"CustomerGatewayId": "cgw-1", "Type": "ipsec.1",
             "Options": {"TunnelOptions": [{"PreSharedKey": SECRET, "TunnelInsideCidr": "169.254.6.0/30"}]}},
            {"customer_gateway_id": "cgw-1"},
        ),
        (
            "ec2",
            "create_launch_template",
            {"LaunchTemplateName": "lt-", "LaunchTemplateData": {"UserData": SECRET, "KeyName": "mine"}},
            {"launch_template_data": {"UserData": HIDDEN, "KeyName": "mine"}},
        ),
        (
            "apprunner",
            "create_service",
            {"ServiceName": "site", "InstanceConfiguration": {"Cpu": "256", "Memory": "12288"}, "SourceConfiguration": {"ImageRepository": {
                "ImageIdentifier": "public.ecr.aws/x/y:1", "ImageRepositoryType": "ECR_PUBLIC",
                "ImageConfiguration": {"Port": "80", "RuntimeEnvironmentVariables": {"DATABASE_PASSWORD": SECRET}}}}},
            {"service_name": "site"},
        ),
        ("sts", "assume_role", {"RoleArn": "arn:aws:iam::000000000000:role/r", "RoleSessionName": "me",
                                "SerialNumber": "GAHT12345678", "TokenCode": "135790"},
         {"role_session_name": "me"}),
        ("sts", "assume_role_with_saml", {"RoleArn": "arn:aws:iam::000000000000:role/r",
                                          "PrincipalArn": "arn:aws:iam::000000000000:saml-provider/p",
                                          "SAMLAssertion": SECRET}, {}),
        ("sts", "assume_role_with_web_identity", {"RoleArn": "arn:aws:iam::000000000000:role/r",
                                                  "RoleSessionName": "me", "WebIdentityToken": SECRET}, {}),
    ],
)  # fmt: skip
def test_secrets_that_clients_send(understudy, service, name, params, kept):
    with pytest.raises(ClientError):
        getattr(understudy.client(service), name)(**params)
    entry = understudy.trail()[-1]
    assert kept.items() <= entry.parameters.items()
    assert HIDDEN in str(entry.parameters)
    understudy.app.database.flush()
    (row, *_) = understudy.app.database.log(limit=1)
    for secret in (SECRET, "135790", "246802", "DATABASE_PASSWORD"):
        assert secret.encode() not in row.body


def test_a_secret_is_not_in_the_message_of_its_refusal(understudy):
    """The client is told the value that does not fit, as AWS does; the trail is not."""
    code = action("sts", "GetSessionToken", SerialNumber="GAHT12345678", TokenCode="777")
    response = understudy.app.handle(signed(code, understudy.administrator, "sts"))
    assert (400, True) == (response.status, b"777" in response.body)
    message = understudy.trail()[-1].message
    assert ("777" in message, HIDDEN in message) == (False, True)


def test_a_parameter_that_cannot_be_read_leaves_no_secret(understudy):
    broken = action("iam", "CreateLoginProfile", ("Password.x", SECRET), UserName="ann")
    understudy.app.handle(signed(broken, understudy.administrator, "iam"))
    understudy.app.database.flush()
    (row, *_) = understudy.app.database.log(limit=1)
    assert SECRET.encode() not in row.body


@pytest.mark.parametrize(
    "header",
    [
        f"AWS4-HMAC-SHA256 {SECRET}",
        f"AWS4-HMAC-SHA256 {SECRET}=x",
        f"AWS4-HMAC-SHA256 Credential={SECRET}/20260101/us-east-1/iam, SignedHeaders=host, Signature=x",
        f"Bearer {SECRET}",
    ],
)
def test_a_header_that_is_no_signature_is_not_repeated(understudy, header):
    """AWS repeats an Authorization header that it does not understand, which may hold anything (signatures.md 6.2)."""
    request = signed(action("iam", "ListUsers"), understudy.administrator, "iam")
    broken = replace(request, headers={**request.headers, "authorization": header})
    assert 400 <= understudy.app.handle(broken).status < 500
    understudy.app.database.flush()
    (row, *_) = understudy.app.database.log(limit=1)
    assert b"ListUsers" in row.body
    assert SECRET.encode() not in row.body


def test_credentials_in_the_url_of_a_repository_are_not_kept():
    """The rest of the URL is: CloudTrail tells which repository it was."""
    operation = load("apprunner").operation("CreateService")
    url = f"https://mary:{SECRET}@git.example.com/a"
    params = {"source_configuration": {"CodeRepository": {"RepositoryUrl": url}}}
    kept = presentable(params, operation.input)
    assert kept["source_configuration"]["CodeRepository"]["RepositoryUrl"] == "https://***@git.example.com/a"
    answer = {"Service": {"SourceConfiguration": {"CodeRepository": {"RepositoryUrl": url}}}}
    assert SECRET not in str(presentable_response(answer, operation.output))
    assert f"Value '{HIDDEN}' is none" == presentable_message(
        f"Value '{url}' is none", operation.input, lambda: params
    )
