"""Node, holder or server is killed at every step of what it does: what is wanted is made after it.

`tests/support/dying_nodes.py` and `dying_servers.py` do the killing, and say what they found wrong: what the kernel has
too much or too little of, packets that do not what they should, processes that are left over.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from nodes import environment, identity, python_of, user_called

HERE = Path(__file__).parents[1] / "support"
# Every point is tried where there is time for it; otherwise a third of them as either user, other ones each time.
EVERY = int(os.environ.get("DYING_NODES_STEP", "3"))
ROUNDS = int(os.environ.get("DYING_NODES_ROUNDS", "60"))


@pytest.fixture(params=["this-user", "unprivileged"])
def killed(request):
    """Kill nodes as a user; returns what was found."""
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    if user is not None:
        os.chown(place, user, user)
    # The folder of the tests may be one that the user can't read.
    program = place / "support"
    shutil.copytree(HERE, program, ignore=shutil.ignore_patterns("__pycache__"))
    found = environment()

    def kill(victim: str, points: str) -> dict:
        words = ["dying_nodes.py", place / "node", victim, points]
        if victim == "server":
            words = ["dying_servers.py", place, *points.split("/")]
        done = subprocess.run(
            [python_of(user), program / words[0], *words[1:]],
            env={**found, "PYTHONPATH": os.pathsep.join([str(program), found["PYTHONPATH"]])},
            cwd="/", capture_output=True, text=True, check=False, timeout=900, **identity(user),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield kill, EVERY - 1 if user is None else 0
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("victim", ["node", "holder"])
def test_a_death_at_any_step_ends_in_what_is_wanted(killed, victim):
    kill, first = killed
    found = kill(victim, f"all/{EVERY}/{first}")
    assert (found["wrong"], found["left"]) == ({}, [])
    assert found["points"] > 40, "the way from one network to the other has that many steps"


def test_a_node_that_dies_while_it_starts_leaves_no_holder_that_nobody_finds(killed):
    kill, _ = killed
    found = kill("node", "start/1/0")
    assert (found["wrong"], found["left"]) == ({}, [])
    assert found["points"] >= 8


@pytest.mark.parametrize("victim", ["node", "holder"])
def test_deaths_at_random_moments_while_much_is_asked(killed, victim):
    kill, seed = killed
    found = kill(victim, f"random/{ROUNDS}/{seed}")
    assert (found["wrong"], found["left"]) == ({}, [])
    assert found["points"] == ROUNDS


def test_a_server_that_dies_at_any_step_of_its_work_with_a_node_is_followed_by_one_that_ends_it(killed):
    kill, first = killed
    found = kill("server", f"{EVERY}/{first}")
    assert found.pop("left") == []
    for way, each in found.items():
        assert each["wrong"] == {}, way
        assert each["points"] >= 6, "each way has that many steps"
    assert set(found) == {"first", "exchange", "last"}
