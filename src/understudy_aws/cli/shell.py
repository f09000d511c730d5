"""`understudy shell`: a shell with a network interface of a VPC as its only network."""

from __future__ import annotations

import argparse
import os

from understudy_aws.cli.attach import add_place, run_attached
from understudy_aws.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place(parser)


def run(asked: argparse.Namespace, out: Output) -> int:
    """Run the shell of this user; answers its exit code."""
    return run_attached(asked, out, [os.environ.get("SHELL") or "/bin/sh"])
