"""Signals that are passed on to a command."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import os, signal
from understudy_aws.dataplane.linux.command import pass_signals_on
child = os.fork()
if not child:
    os._exit(0)
os.waitpid(child, 0)
pass_signals_on(child)
os.kill(os.getpid(), signal.SIGHUP)
print("goes on")
"""


def test_a_signal_that_the_command_has_ended_by_already_is_nothing_to_complain_of():
    """A terminal or `timeout` signals the whole group: the command may be gone when its turn comes."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert ("goes on\n", "", 0) == (done.stdout, done.stderr, done.returncode)
