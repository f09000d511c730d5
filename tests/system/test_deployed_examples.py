"""The examples, deployed from git repositories through the API and asked at their URLs, by a user without rights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from example_services import EXAMPLES, POSTGRESQL, missing_for
from nodes import UNPRIVILEGED, environment, identity, python_of, refusal_for

from understudy_aws.dataplane.runtime.artifacts import TaskError
from understudy_aws.dataplane.runtime.managed import find_runtime

# PostgreSQL does not run as root.
USER = None if os.geteuid() else UNPRIVILEGED
REFUSED = refusal_for(USER) or ("" if POSTGRESQL else "PostgreSQL is not installed")
pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run"),
]
SUPPORT = Path(__file__).parents[1] / "support"


def why_no_express() -> str:
    try:
        find_runtime("nodejs", "22")
    except TaskError as error:
        return str(error)
    return missing_for("https://registry.npmjs.org/express")


@pytest.fixture(scope="module")
def told():
    if missing := missing_for("https://pypi.org/simple/django/"):
        pytest.skip(missing)
    python = python_of(USER)
    assert python is not None
    place = Path(tempfile.mkdtemp())
    if USER is not None:
        os.chown(place, USER, USER)
    try:
        found = environment()
        kept = {
            name: text
            for name, text in os.environ.items()
            if name.lower().startswith(("pip_", "npm_config_"))
        }
        done = subprocess.run(
            [python, SUPPORT / "deployed_examples.py", place, *([] if why_no_express() else ["express"])],
            env={
                **kept, **found, "HOME": str(place),
                "PYTHONPATH": os.pathsep.join([str(SUPPORT), found["PYTHONPATH"]]),
            },
            cwd=place, capture_output=True, text=True, check=False, timeout=900, **identity(USER),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_every_example_that_is_a_service_is_deployed():
    examples = {each.parent.name for each in EXAMPLES.glob("*/apprunner.yaml")}
    assert examples == {"datasette", "express", "django-postgresql"}


def test_datasette_publishes_the_database_that_its_build_has_made(told):
    assert {row["symbol"]: row["name"] for row in told["datasette"]}["He"] == "Helium"


def test_django_runs_once_the_group_of_its_database_lets_it_in(told):
    """The creation that failed before says which group it was."""
    django = told["django-postgresql"]
    assert django["closed"] == "CREATE_FAILED"
    where = (
        f"It waited for TCP port 5432 of {django['address']}, which it does not reach: at {django['group']}, "
    )
    assert where in django["why"]
    assert django["answer"] == {"database": "postgresql", "entries": [{"name": "Mary", "text": "hello"}]}


def test_express_answers(told):
    if why := why_no_express():
        pytest.skip(why)
    assert told["express"]["hello"] == "App Runner"
