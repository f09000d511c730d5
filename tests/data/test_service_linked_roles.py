"""Each service-linked role's file tells the truth about itself."""

import json
from pathlib import Path

import pytest

from understudy.data import managed_policies, service_linked_roles

FOLDER = Path(service_linked_roles.__file__).parent
CATALOGUE = service_linked_roles.catalogue()


def test_the_catalogue_has_every_file_by_principal():
    assert sorted(file.stem for file in FOLDER.glob("*.toml")) == [role.principal for role in CATALOGUE]
    assert len(CATALOGUE) >= 73


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_a_file_describes_the_principal_it_is_named_after(file):
    role = service_linked_roles.find(file.stem)
    assert role is not None
    assert file.stem == role.principal
    assert role.role_name.startswith("AWSServiceRoleFor")
    assert len(role.role_name) <= 64
    assert f"/aws-service-role/{file.stem}/" == role.path


@pytest.mark.parametrize("role", CATALOGUE, ids=lambda role: role.principal)
def test_a_roles_policy_exists_and_is_reserved_for_services(role):
    policy = managed_policies.find(role.policy)
    assert policy is not None
    assert role.policy == policy.arn()
    assert managed_policies.is_reserved(policy)
    assert {"Version", "Statement"} <= json.loads(policy.document).keys()


def test_role_names_are_unique():
    assert len(CATALOGUE) == len({role.role_name for role in CATALOGUE})


def test_app_runner_says_what_uses_its_networking_role():
    """Reference apprunner.md 4.1."""
    role = service_linked_roles.find("networking.apprunner.amazonaws.com")
    assert role is not None
    assert "AWSServiceRoleForAppRunnerNetworking" == role.role_name
    assert "arn:aws:iam::aws:policy/aws-service-role/AppRunnerNetworkingServiceRolePolicy" == role.policy
    assert "apprunner" == role.served_by
    assert not role.custom_suffix
    assert role.creatable


def test_app_runner_says_what_uses_its_management_role():
    """Reference apprunner.md 4.1."""
    role = service_linked_roles.find("apprunner.amazonaws.com")
    assert role is not None
    assert "AWSServiceRoleForAppRunner" == role.role_name
    assert "apprunner" == role.served_by


def test_only_three_services_accept_a_suffix():
    """Recorded from AWS; App Runner's refusal is assumed (service-linked-roles.md 1.9)."""
    accepting = ["autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com"]
    assert accepting == [role.principal for role in CATALOGUE if role.custom_suffix]


@pytest.mark.parametrize(
    "principal",
    [
        "",
        "nobody.amazonaws.com",
        "NETWORKING.apprunner.amazonaws.com",
        "networking.apprunner.amazonaws.com.toml",
        "networking.apprunner.amazonaws.com\n",
        "networking.apprunner.amazonaws.com\0",
        "../service_linked_roles/networking.apprunner.amazonaws.com",
        "./networking.apprunner.amazonaws.com",
        "..",
        ".",
        "/etc/passwd",
        "..\\networking.apprunner.amazonaws.com",
        "a" * 5000,
    ],
)
def test_what_is_no_known_principal_is_none(principal):
    assert service_linked_roles.find(principal) is None


def test_a_path_to_a_file_that_exists_is_none(tmp_path):
    (tmp_path / "x.toml").write_text('principal = "x"')
    assert service_linked_roles.find(str(tmp_path / "x")) is None
