"""One version, in the package and in what installs it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from understudy_aws import __version__
from understudy_aws.cli.main import main


def test_the_version_is_the_packages(capsys):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert 0 == main(["version"])
    assert f"understudy {__version__}\n" == capsys.readouterr().out
