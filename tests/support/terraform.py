"""Terraform with its AWS provider, run on a folder of configuration against a server in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from served_account import FILES, ServedAccount

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


class Terraform(ServedAccount):
    """A copy of a configuration, and an account without even a default VPC."""

    def __init__(self, configuration: str, directory: Path, *, state: str = "memory:") -> None:
        super().__init__(directory, state=state)
        self.folder = shutil.copytree(FILES / "terraform" / configuration, directory / configuration)
        settings = directory / "terraformrc"
        # A provider that is overridden is taken as it lies there, without `terraform init`.
        settings.write_text(
            f'provider_installation {{\n  dev_overrides {{ "hashicorp/aws" = "{provider_folder()}" }}\n  direct {{}}\n}}\n'
        )
        self.environment |= {
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
        }
        self.remove_default_vpc()

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *command.split(), *([] if " " in command else ["-no-color"]), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=800,  # on a machine with much else to do; the tests wait 900 s
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
