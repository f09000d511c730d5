"""Server, node or holder is killed at the steps of operations on a service: each ends as if nothing had happened.

`tests/support/dying_services.py` does the killing, and says what it found wrong: a service that is not what was asked
for, instances, processes, interfaces or files that no record knows, or that are not there.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import date
from pathlib import Path

import pytest
from images import missing_for_web_images
from nodes import environment, identity, python_of, refusal_for

from understudy_aws.cli.service_scenario import missing_for_services

REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]
HERE = Path(__file__).parents[1] / "support"
# An operation has up to a hundred points, and each takes seconds: each day takes others, with other victims, of a service
# made of something else. STEP=1 takes all points, and with the seeds 0 to 5 each with each victim and of both kinds.
STEP = int(os.environ.get("DYING_SERVICES_STEP", "15"))
SEED = int(os.environ.get("DYING_SERVICES_SEED") or date.today().toordinal())
KIND = "image" if SEED % 2 and not missing_for_web_images() else "code"
_FEWER = 3


@pytest.mark.timeout(3600)
def test_operations_on_services_end_whoever_is_killed_at_any_step(home, user):
    """docs/decisions/0030: the operation goes on where it was; nothing is left of what was begun, and nothing is lost."""
    found = environment()
    # The steps are the same for every user; an unprivileged one shows that what is killed is cleared away as well.
    step = STEP if user is None else _FEWER * STEP
    done = subprocess.run(
        [python_of(user), HERE / "dying_services.py", home, str(step), str(SEED), KIND],
        env={**found, "PYTHONPATH": os.pathsep.join([str(HERE), found["PYTHONPATH"]]), "HOME": str(home)},
        cwd="/", capture_output=True, text=True, check=False, timeout=3600, **identity(user),
    )  # fmt: skip
    again = f"DYING_SERVICES_STEP={STEP} DYING_SERVICES_SEED={SEED} takes the same points"
    assert done.returncode == 0, f"{again}\n{done.stderr}"
    operations = json.loads(done.stdout)
    assert {name: {} for name in ("create", "update", "pause", "resume", "delete")} == {
        name: each["wrong"] for name, each in operations.items()
    }, again
    assert all(each["points"] >= 8 for each in operations.values()), "each operation has that many steps"
