"""`understudy version`: print the version."""

from __future__ import annotations

import argparse

from understudy_aws import __version__
from understudy_aws.cli.output import Output


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(_asked: argparse.Namespace, out: Output) -> int:
    """Print the version."""
    if out.as_json:
        out.value({"version": __version__})
    else:
        out.line(f"understudy {__version__}")
    return 0
