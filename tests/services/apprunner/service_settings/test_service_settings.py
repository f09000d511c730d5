"""What CreateService and UpdateService ask for (apprunner-services.md 2.2, 2.3, 5.4, 5.5; apprunner.md 2.8)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.services.apprunner.service_settings import images, secret_references
from understudy_aws.services.apprunner.service_settings.instances import SIZES, normalized
from understudy_aws.services.apprunner.service_settings.runtimes import RUNTIMES
from understudy_aws.services.apprunner.service_settings.service_settings import (
    changed_settings,
    described,
    new_settings,
    references,
)
from understudy_aws.wire.model import load
from understudy_aws.wire.validation import validator

ACCOUNT = "111122223333"
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/access"
CONNECTION = f"arn:aws:apprunner:us-east-1:{ACCOUNT}:connection/github/{'a' * 32}"
CONNECTOR = f"arn:aws:apprunner:us-east-1:{ACCOUNT}:vpcconnector/web/1/{'b' * 32}"
TRACING = f"arn:aws:apprunner:us-east-1:{ACCOUNT}:observabilityconfiguration/tracing/1/{'c' * 32}"
OWN = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/web:v1"
PUBLIC = "public.ecr.aws/aws-containers/hello-app-runner:latest"
AUTOMATIC_PUBLIC = (
    "App Runner doesn't support automatic deployments for an image in an ECR Public repository."
)


def image(identifier=PUBLIC, kind="ECR_PUBLIC", configuration=None, **more):
    repository = {"ImageIdentifier": identifier, "ImageRepositoryType": kind}
    if configuration is not None:
        repository["ImageConfiguration"] = configuration
    return {"ImageRepository": repository, **more}


def own_image(configuration=None, **more):
    role = {"AuthenticationConfiguration": {"AccessRoleArn": ROLE}}
    return image(OWN, "ECR", configuration, **{**role, **more})


def code(configuration=None, **more):
    repository = {
        "RepositoryUrl": "https://github.com/owner/web",
        "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
        "CodeConfiguration": configuration or {"ConfigurationSource": "REPOSITORY"},
    }
    repository.update(more.pop("repository", {}))
    given_access = {"AuthenticationConfiguration": {"ConnectionArn": CONNECTION}}
    return {"CodeRepository": {k: v for k, v in repository.items() if v is not None}, **given_access, **more}


def values(runtime="NODEJS_22", **more):
    return {
        "ConfigurationSource": "API",
        "CodeConfigurationValues": {"Runtime": runtime, "BuildCommand": "npm i", **more},
    }


def problems_of(shape, value):
    """The constraints of AWS's description that a value does not keep, which the pipeline refuses before."""
    found = []
    validator(shape)(value, "", "", found)
    return found


def new(source=None, **request):
    """The settings of a new service; its request keeps AWS's own description, as far as that goes."""
    whole = {"ServiceName": "a-service", "SourceConfiguration": source or image(), **request}
    shape = load("apprunner").operation("CreateService")
    assert [] == problems_of(shape.input, whole)
    return new_settings(whole, account=ACCOUNT, at=TODAY)


def change(former, **request):
    return changed_settings(former, request, account=ACCOUNT, at=TODAY)


def refusal(call, *arguments, **named) -> str:
    with pytest.raises(ApiError) as caught:
        call(*arguments, **named)
    assert "InvalidRequestException" == caught.value.code
    return caught.value.message


class TestDefaults:
    def test_everything_nobody_asked_for_is_told(self):
        """Reference apprunner-services.md 2.2."""
        assert {
            "SourceConfiguration": {
                "AutoDeploymentsEnabled": False,
                "ImageRepository": {
                    "ImageIdentifier": PUBLIC,
                    "ImageRepositoryType": "ECR_PUBLIC",
                    "ImageConfiguration": {"Port": "8080"},
                },
            },
            "InstanceConfiguration": {"Cpu": "1024", "Memory": "2048"},
            "HealthCheckConfiguration": {
                "Protocol": "TCP",
                "Path": "/",
                "Interval": 5,
                "Timeout": 2,
                "HealthyThreshold": 1,
                "UnhealthyThreshold": 5,
            },
            "NetworkConfiguration": {
                "EgressConfiguration": {"EgressType": "DEFAULT"},
                "IngressConfiguration": {"IsPubliclyAccessible": True},
                "IpAddressType": "IPV4",
            },
            "ObservabilityConfiguration": {"ObservabilityEnabled": False},
        } == described(new())

    def test_of_source_code_too(self):
        """Reference apprunner-services.md 2.2: automatic deployments, the root of the repository."""
        assert {
            "AutoDeploymentsEnabled": True,
            "AuthenticationConfiguration": {"ConnectionArn": CONNECTION},
            "CodeRepository": {
                "RepositoryUrl": "https://github.com/owner/web",
                "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                "SourceDirectory": "/",
                "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
            },
        } == described(new(code()))["SourceConfiguration"]

    def test_an_ingress_that_does_not_say_is_private(self):
        """Reference apprunner-services.md 2.2: so Terraform asks for a private service."""
        assert described(new())["NetworkConfiguration"]["IngressConfiguration"]["IsPubliclyAccessible"]
        network = {"EgressConfiguration": {"EgressType": "DEFAULT"}, "IngressConfiguration": {}}
        private = described(new(NetworkConfiguration=network))["NetworkConfiguration"]
        assert {"IsPubliclyAccessible": False} == private["IngressConfiguration"]

    def test_what_is_asked_for_is_told(self):
        secrets = {"PASSWORD": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-AbCdEf"}
        key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
        asked = {
            "InstanceConfiguration": {"Cpu": "2048", "Memory": "6144", "InstanceRoleArn": ROLE},
            "HealthCheckConfiguration": {
                "Protocol": "HTTP",
                "Path": "/health",
                "Interval": 20,
                "Timeout": 1,
                "HealthyThreshold": 2,
                "UnhealthyThreshold": 3,
            },
            "NetworkConfiguration": {
                "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": CONNECTOR},
                "IngressConfiguration": {"IsPubliclyAccessible": False},
                "IpAddressType": "DUAL_STACK",
            },
            "ObservabilityConfiguration": {
                "ObservabilityEnabled": True,
                "ObservabilityConfigurationArn": TRACING,
            },
            "EncryptionConfiguration": {"KmsKey": key},
        }
        configuration = values(
            Port="80",
            StartCommand="npm start",
            RuntimeEnvironmentVariables={"A": "b"},
            RuntimeEnvironmentSecrets=secrets,
        )
        source = code(configuration, AutoDeploymentsEnabled=False, repository={"SourceDirectory": "/web"})
        made = new(source, **asked)
        assert {"SourceConfiguration": source, **asked} == described(made)
        assert {
            "ConnectionArn": CONNECTION,
            "InstanceRoleArn": ROLE,
            "VpcConnectorArn": CONNECTOR,
            "ObservabilityConfigurationArn": TRACING,
            "KmsKey": key,
        } == references(made)


class TestSource:
    def test_it_is_an_image_or_code_and_not_both(self):
        """Reference apprunner-services.md 2.2."""
        for source in ({}, {**image(), **code()}):
            assert "CodeRepository or ImageRepository" in refusal(
                new, {"AutoDeploymentsEnabled": True, **source}
            )

    @pytest.mark.parametrize(
        ("source", "automatic"),
        [
            (own_image(), True),
            (own_image(AutoDeploymentsEnabled=False), False),
            (image(), False),
            (
                image(
                    OWN.replace(ACCOUNT, "444455556666"),
                    "ECR",
                    AuthenticationConfiguration={"AccessRoleArn": ROLE},
                ),
                False,
            ),
            (code(), True),
            (code(AutoDeploymentsEnabled=False), False),
        ],
    )
    def test_what_is_deployed_by_itself_unless_said_otherwise(self, source, automatic):
        """Reference apprunner-services.md 2.2: neither public images nor those of other accounts."""
        assert automatic == described(new(source))["SourceConfiguration"]["AutoDeploymentsEnabled"]

    def test_public_images_cannot_be_deployed_by_themselves(self):
        """Reference apprunner.md 2.8: the text of the refusal."""
        assert AUTOMATIC_PUBLIC == refusal(new, image(AutoDeploymentsEnabled=True))
        foreign = image(
            OWN.replace(ACCOUNT, "444455556666"),
            "ECR",
            AuthenticationConfiguration={"AccessRoleArn": ROLE},
            AutoDeploymentsEnabled=True,
        )
        assert "another account" in refusal(new, foreign)

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            (image(OWN, "ECR"), "AccessRoleArn in AuthenticationConfiguration is required"),
            (
                own_image(AuthenticationConfiguration={}),
                "AccessRoleArn in AuthenticationConfiguration is required",
            ),
            (image(AuthenticationConfiguration={"AccessRoleArn": ROLE}), "AccessRoleArn isn't supported"),
            (
                image(AuthenticationConfiguration={"ConnectionArn": CONNECTION}),
                "ConnectionArn isn't supported",
            ),
            (
                code(AuthenticationConfiguration={}),
                "ConnectionArn in AuthenticationConfiguration is required",
            ),
            (
                code(AuthenticationConfiguration={"ConnectionArn": CONNECTION, "AccessRoleArn": ROLE}),
                "AccessRoleArn isn't supported",
            ),
            (image(OWN, "ECR_PUBLIC"), "isn't valid for the image repository type ECR_PUBLIC"),
            (image(PUBLIC, "ECR", AuthenticationConfiguration={"AccessRoleArn": ROLE}), "type ECR."),
            (code(repository={"CodeConfiguration": None}), "CodeConfiguration is required"),
            (code({"ConfigurationSource": "API"}), "CodeConfigurationValues is required"),
            (code(repository={"SourceDirectory": "web"}), "The source directory web isn't valid"),
            (code(repository={"SourceDirectory": "/a/../../etc"}), "The source directory"),
            (
                code(repository={"SourceCodeVersion": {"Type": "BRANCH", "Value": ""}}),
                "can't be empty",
            ),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, source, said):
        """Reference apprunner-services.md 2.2."""
        assert said in refusal(new, source)

    def test_a_configuration_file_makes_values_pointless(self):
        """With REPOSITORY they are ignored."""
        source = code({**values(), "ConfigurationSource": "REPOSITORY"})
        shown = described(new(source))["SourceConfiguration"]["CodeRepository"]
        assert {"ConfigurationSource": "REPOSITORY"} == shown["CodeConfiguration"]

    @pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
    def test_a_runtime_that_has_ended_is_for_services_that_have_it(self, runtime):
        """Reference apprunner-services.md 5.5: new services cannot have it; updates of existing ones are allowed."""
        asked = code(values(runtime.name))
        then = new_settings(
            {"SourceConfiguration": asked}, account=ACCOUNT, at=datetime(2024, 1, 1, tzinfo=UTC)
        )
        if runtime.ended is None:
            assert then == new(asked)
        else:
            assert runtime.name in refusal(new, asked)
            assert runtime.name in refusal(change, new(code()), SourceConfiguration=asked)
        assert then == change(then, SourceConfiguration=asked)

    def test_aws_s_description_has_these_runtimes(self):
        shape = load("apprunner").operation("CreateService").input
        for name in (
            "SourceConfiguration",
            "CodeRepository",
            "CodeConfiguration",
            "CodeConfigurationValues",
            "Runtime",
        ):
            shape = shape.members[name].shape
        assert set(shape.enum) == {runtime.name for runtime in RUNTIMES}


class TestEnvironment:
    """Reference apprunner-services.md 5.4."""

    @pytest.mark.parametrize("port", ["1", "80", "65535"])
    def test_a_port_is_a_number(self, port):
        shown = described(new(image(configuration={"Port": port})))
        assert port == shown["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]["Port"]

    @pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "8080 ", "٨٠", "1" * 20, ""])
    def test_another_port_is_refused(self, port):
        assert f"The port {port} isn't valid" in refusal(new, image(configuration={"Port": port}))

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("PORT", "PORT is reserved"),
            ("AWSAPPRUNNER", "prefix AWSAPPRUNNER"),
            ("AWSAPPRUNNER_X", "prefix AWSAPPRUNNER"),
            ("A=B", "isn't valid"),
        ],
    )
    @pytest.mark.parametrize("member", ["RuntimeEnvironmentVariables", "RuntimeEnvironmentSecrets"])
    def test_some_names_are_app_runner_s(self, member, name, said):
        for source in (image(configuration={member: {name: "x"}}), code(values(**{member: {name: "x"}}))):
            assert said in refusal(new, source)

    def test_a_name_is_a_variable_or_a_secret(self):
        both = {"RuntimeEnvironmentVariables": {"A": "b"}, "RuntimeEnvironmentSecrets": {"A": "b"}}
        assert "both an environment variable and a secret: A" in refusal(new, image(configuration=both))

    @pytest.mark.parametrize(
        "text", ["", "a b", "arn:aws:s3:::bucket", "arn:aws:ssm:us-east-1:1:parameter/a", "x" * 1012]
    )
    def test_a_secret_is_an_arn_or_the_name_of_a_parameter(self, text):
        assert None is secret_references.read(text)

    def test_a_parameter_of_another_account_is_refused_and_a_secret_is_not(self):
        """Reference apprunner-services.md 5.4."""
        asked = {"A": "arn:aws:ssm:us-east-1:444455556666:parameter/a"}
        configuration = {"RuntimeEnvironmentSecrets": asked}
        assert "another account" in refusal(new, image(configuration=configuration))
        asked["A"] = "arn:aws:secretsmanager:us-east-1:444455556666:secret:a-AbCdEf"
        new(image(configuration=configuration))

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("/web/db", ("ssm", "/web/db", "", "", "")),
            ("arn:aws:ssm:us-east-1:111122223333:parameter/web/db", ("ssm", None, "", "", "")),
            (
                "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf",
                ("secretsmanager", None, "", "", ""),
            ),
            (
                "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf:password::",
                (
                    "secretsmanager",
                    "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf",
                    "password",
                    "",
                    "",
                ),
            ),
            (
                "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf:k:AWSPREVIOUS:",
                (
                    "secretsmanager",
                    "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf",
                    "k",
                    "AWSPREVIOUS",
                    "",
                ),
            ),
        ],
    )
    def test_the_parts_of_a_reference(self, text, parts):
        found = secret_references.read(text)
        service, identifier, key, stage, version = parts
        assert (service, identifier or text, key, stage, version) == (
            found.service,
            found.identifier,
            found.json_key,
            found.stage,
            found.version,
        )

    def test_a_reference_has_one_version(self):
        arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf"
        assert None is secret_references.read(f"{arn}:k:AWSCURRENT:{'0' * 32}")
        assert None is secret_references.read(f"{arn}:k")


class TestInstance:
    @pytest.mark.parametrize(
        ("cpu", "memory"), [(cpu, memory) for cpu, sizes in SIZES.items() for memory in sizes]
    )
    def test_every_size_is_told_in_units_whichever_way_it_was_asked_for(self, cpu, memory):
        """Reference apprunner-services.md 2.2."""
        words = {256: "0.25 vCPU", 512: "0.5 vCPU"}.get(cpu, f"{cpu // 1024} vCPU")
        gigabytes = "0.5 GB" if memory == 512 else f"{memory // 1024} GB"
        for asked in ((str(cpu), str(memory)), (words, gigabytes), (words, str(memory))):
            made = new(InstanceConfiguration=dict(zip(("Cpu", "Memory"), asked, strict=True)))
            assert (str(cpu), str(memory)) == (made.instance.cpu, made.instance.memory)

    @pytest.mark.parametrize(
        ("cpu", "memory"),
        [("256", "2048"), ("512", "512"), ("1 vCPU", "6 GB"), ("4096", "4096"), ("0.25 vCPU", None)],
    )
    def test_other_sizes_are_refused(self, cpu, memory):
        """Reference apprunner-services.md 2.2. The memory that is not asked for is 2 GB."""
        asked = {"Cpu": cpu, **({"Memory": memory} if memory else {})}
        assert "256 with 512, 1024" in refusal(new, InstanceConfiguration=asked)

    def test_what_is_no_amount_stays_what_it_is(self):
        assert ["1024", "many vCPU", ""] == [normalized(text) for text in ("1024", "many vCPU", "")]


class TestNetwork:
    @pytest.mark.parametrize(
        ("egress", "said"),
        [
            ({"EgressType": "VPC"}, "VpcConnectorArn is required"),
            ({"EgressType": "DEFAULT", "VpcConnectorArn": CONNECTOR}, "VpcConnectorArn is only valid"),
            ({"VpcConnectorArn": CONNECTOR}, "VpcConnectorArn is only valid"),
        ],
    )
    def test_a_connector_is_for_traffic_into_a_vpc_and_needed_for_it(self, egress, said):
        """Reference apprunner-services.md 2.2."""
        assert said in refusal(new, NetworkConfiguration={"EgressConfiguration": egress})


class TestObservability:
    def test_a_configuration_is_for_tracing_and_needed_for_it(self):
        """Reference apprunner-services.md 2.2."""
        assert "is required" in refusal(new, ObservabilityConfiguration={"ObservabilityEnabled": True})
        asked = {"ObservabilityEnabled": False, "ObservabilityConfigurationArn": TRACING}
        assert "is only valid" in refusal(new, ObservabilityConfiguration=asked)


class TestUpdate:
    """Reference apprunner-services.md 2.3: members that are not sent keep their values."""

    EVERYTHING = {
        "InstanceConfiguration": {"Cpu": "512", "Memory": "1024", "InstanceRoleArn": ROLE},
        "HealthCheckConfiguration": {"Protocol": "HTTP", "Path": "/health", "Interval": 9},
        "NetworkConfiguration": {
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": CONNECTOR},
            "IngressConfiguration": {"IsPubliclyAccessible": False},
            "IpAddressType": "DUAL_STACK",
        },
        "ObservabilityConfiguration": {
            "ObservabilityEnabled": True,
            "ObservabilityConfigurationArn": TRACING,
        },
    }

    def former(self, source=None):
        return new(source or own_image({"Port": "80", "StartCommand": "run"}), **self.EVERYTHING)

    def test_nothing_asked_for_changes_nothing(self):
        assert self.former() == change(self.former())

    @pytest.mark.parametrize(
        ("asked", "changed"),
        [
            (
                {"InstanceConfiguration": {"Cpu": "256"}},
                {"InstanceConfiguration": {"Cpu": "256", "Memory": "1024", "InstanceRoleArn": ROLE}},
            ),
            (
                {"HealthCheckConfiguration": {"Interval": 3}},
                {
                    "HealthCheckConfiguration": {
                        "Protocol": "HTTP",
                        "Path": "/health",
                        "Interval": 3,
                        "Timeout": 2,
                        "HealthyThreshold": 1,
                        "UnhealthyThreshold": 5,
                    }
                },
            ),
            (
                {"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "DEFAULT"}}},
                {
                    "NetworkConfiguration": {
                        "EgressConfiguration": {"EgressType": "DEFAULT"},
                        "IngressConfiguration": {"IsPubliclyAccessible": False},
                        "IpAddressType": "DUAL_STACK",
                    }
                },
            ),
            (
                {"ObservabilityConfiguration": {"ObservabilityEnabled": False}},
                {"ObservabilityConfiguration": {"ObservabilityEnabled": False}},
            ),
        ],
    )
    def test_what_is_asked_for_changes_alone(self, asked, changed):
        before = self.former()
        assert {**described(before), **changed} == described(change(before, **asked))

    def test_a_source_stays_what_it_is(self):
        """Reference apprunner-services.md 2.3: code or image cannot be changed."""
        for former, asked in ((self.former(), code()), (new(code()), image())):
            assert "from code to image or from image to code" in refusal(
                change, former, SourceConfiguration=asked
            )

    def test_another_image_keeps_its_settings_and_access(self):
        other = OWN.replace("v1", "v2")
        made = change(self.former(), SourceConfiguration=image(other, "ECR"))
        shown = described(made)["SourceConfiguration"]
        assert (other, {"Port": "80", "StartCommand": "run"}, {"AccessRoleArn": ROLE}, True) == (
            shown["ImageRepository"]["ImageIdentifier"],
            shown["ImageRepository"]["ImageConfiguration"],
            shown["AuthenticationConfiguration"],
            shown["AutoDeploymentsEnabled"],
        )

    def test_an_image_configuration_is_taken_as_a_whole(self):
        """Decision 0008: otherwise no variable could be removed."""
        asked = image(OWN, "ECR", {"RuntimeEnvironmentVariables": {"A": "b"}})
        shown = described(change(self.former(), SourceConfiguration=asked))["SourceConfiguration"]
        assert {"Port": "8080", "RuntimeEnvironmentVariables": {"A": "b"}} == shown["ImageRepository"][
            "ImageConfiguration"
        ]

    def test_a_public_image_instead_needs_no_role_any_more(self):
        shown = described(change(self.former(), SourceConfiguration=image()))["SourceConfiguration"]
        assert ("AuthenticationConfiguration" not in shown, False) == (True, shown["AutoDeploymentsEnabled"])

    def test_another_branch_keeps_how_it_is_built(self):
        former = new(code(values(), repository={"SourceDirectory": "/web"}, AutoDeploymentsEnabled=False))
        asked = code(repository={"CodeConfiguration": None})
        asked["CodeRepository"]["SourceCodeVersion"] = {"Type": "BRANCH", "Value": "next"}
        del asked["AuthenticationConfiguration"]
        before, after = (
            described(each)["SourceConfiguration"]
            for each in (former, change(former, SourceConfiguration=asked))
        )
        before["CodeRepository"]["SourceCodeVersion"]["Value"] = "next"
        assert before == after


class TestImages:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            (OWN, ("ECR", ACCOUNT, "us-east-1", "", "web", "v1", "")),
            (OWN.removesuffix(":v1"), ("ECR", ACCOUNT, "us-east-1", "", "web", "", "")),
            (
                f"{ACCOUNT}.dkr.ecr.ap-southeast-2.amazonaws.com/team/web-app_1.x@sha256:{'0' * 64}",
                ("ECR", ACCOUNT, "ap-southeast-2", "", "team/web-app_1.x", "", f"sha256:{'0' * 64}"),
            ),
            (PUBLIC, ("ECR_PUBLIC", "", "", "aws-containers", "hello-app-runner", "latest", "")),
            (
                "public.ecr.aws/docker/library/nginx",
                ("ECR_PUBLIC", "", "", "docker", "library/nginx", "", ""),
            ),
        ],
    )
    def test_the_parts_of_an_identifier(self, text, parts):
        found = images.read(text)
        assert parts == (
            found.kind,
            found.account,
            found.region,
            found.alias,
            found.repository,
            found.tag,
            found.digest,
        )
        assert (parts[-1] or parts[-2] or "latest") == found.reference

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nginx",
            "docker.io/library/nginx",
            "public.ecr.aws/nginx",
            "public.ecr.aws//nginx",
            OWN.replace("web", "Web"),
            OWN.replace("web", "web//x"),
            OWN.replace(ACCOUNT, "1"),
            OWN.replace(":v1", ":"),
            OWN.replace(":v1", "@"),
            OWN.replace(":v1", ":v 1"),
            OWN.replace("amazonaws", "example"),
        ],
    )
    def test_what_is_no_identifier(self, text):
        assert None is images.read(text)

    @settings(max_examples=300, deadline=None)
    @given(
        st.sampled_from([f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/", "public.ecr.aws/alias/"]),
        st.text("abz09._-/:@AZ ", max_size=20),
    )
    def test_they_are_those_of_aws_s_description(self, registry, rest):
        """The pattern of the API description; of public registries it takes any text for the alias."""
        shape = load("apprunner").operation("CreateService").input.members["SourceConfiguration"].shape
        identifier = shape.members["ImageRepository"].shape.members["ImageIdentifier"].shape
        text = registry + rest
        taken, read = problems_of(identifier, text) == [], images.read(text) is not None
        assert taken == read or (taken and registry.startswith("public"))
