"""Terraform with its AWS provider, run on a folder of configuration against a server in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
from server_process import ServerProcess, clean_environment

CONFIGURATIONS = Path(__file__).parent.parent / "clients" / "terraform"
REGION = "us-east-1"
# Where a provider may lie that was unpacked as Terraform's filesystem mirrors are laid out.
_MIRRORS = (
    "~/.terraform.d/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/*",
)
_PROVIDER = "registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"


def provider_folder() -> Path | None:
    """The folder of the AWS provider's binary, if one is on this machine."""
    for mirror in _MIRRORS:
        pattern = f"{Path(mirror).expanduser()}/{_PROVIDER}".removeprefix("/")
        found = sorted(Path("/").glob(pattern))
        if found:
            return found[-1].parent
    return None


def why_not() -> str:
    """Why Terraform cannot be run here, or an empty text."""
    if not shutil.which("terraform"):
        return "there is no terraform on this machine"
    if not provider_folder():
        return f"Terraform's AWS provider is in none of {', '.join(_MIRRORS)}"
    return ""


class Terraform:
    """A configuration's copy, a server with an empty account, and who owns it."""

    def __init__(self, configuration: str, directory: Path) -> None:
        self.folder = shutil.copytree(CONFIGURATIONS / configuration, directory / configuration)
        self.server = ServerProcess("--json", "--lifeline", "--state", "memory:")
        said = self.server.said
        settings = directory / "terraformrc"
        # A provider that is overridden is taken as it lies there, without `terraform init`.
        settings.write_text(
            f'provider_installation {{\n  dev_overrides {{ "hashicorp/aws" = "{provider_folder()}" }}\n  direct {{}}\n}}\n'
        )
        self.environment = clean_environment(
            directory,
            AWS_ENDPOINT_URL=said["endpoint"],
            AWS_ACCESS_KEY_ID=said["access_key_id"],
            AWS_SECRET_ACCESS_KEY=said["secret_access_key"],
            AWS_REGION=REGION,
            CHECKPOINT_DISABLE="1",
            TF_CLI_CONFIG_FILE=str(settings),
            TF_IN_AUTOMATION="1",
        )
        self.ec2: Any = boto3.client(
            "ec2",
            region_name=REGION,
            endpoint_url=said["endpoint"],
            aws_access_key_id=said["access_key_id"],
            aws_secret_access_key=said["secret_access_key"],
        )
        self.remove_default_vpc()

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", command, "-no-color", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def apply(self, *arguments: str) -> dict[str, Any]:
        """Apply the configuration; answers its outputs."""
        done = self.run("apply", "-auto-approve", *arguments)
        assert done.returncode == 0, done.stderr
        shown = self.run("output", "-json")
        return {name: output["value"] for name, output in json.loads(shown.stdout).items()}

    def changes(self, *arguments: str) -> str:
        """What a plan would change; empty text when the refreshed state is the configuration."""
        done = self.run("plan", "-detailed-exitcode", *arguments)
        assert done.returncode in (0, 2), done.stderr
        return done.stdout if done.returncode else ""

    def destroy(self, *arguments: str) -> None:
        done = self.run("destroy", "-auto-approve", *arguments)
        assert done.returncode == 0, done.stderr

    def remove_default_vpc(self) -> None:
        for vpc in self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
            here = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
            for subnet in self.ec2.describe_subnets(Filters=here)["Subnets"]:
                self.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
            attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
            for gateway in self.ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
                known = {"InternetGatewayId": gateway["InternetGatewayId"]}
                self.ec2.detach_internet_gateway(VpcId=vpc["VpcId"], **known)
                self.ec2.delete_internet_gateway(**known)
            self.ec2.delete_vpc(VpcId=vpc["VpcId"])

    def left(self) -> dict[str, list[Any]]:
        """All that is there; an account without a default VPC has its default DHCP options and nothing else."""
        found = {}
        for operation, name in KINDS.items():
            there = [each for each in getattr(self.ec2, operation)()[name] if each.get("State") != "deleted"]
            if there:
                found[name] = there
        return found

    def close(self) -> None:
        self.server.close()


KINDS = {
    "describe_addresses": "Addresses",
    "describe_dhcp_options": "DhcpOptions",
    "describe_egress_only_internet_gateways": "EgressOnlyInternetGateways",
    "describe_internet_gateways": "InternetGateways",
    "describe_nat_gateways": "NatGateways",
    "describe_network_acls": "NetworkAcls",
    "describe_network_interfaces": "NetworkInterfaces",
    "describe_route_tables": "RouteTables",
    "describe_security_group_rules": "SecurityGroupRules",
    "describe_security_groups": "SecurityGroups",
    "describe_subnets": "Subnets",
    "describe_vpcs": "Vpcs",
}
