"""What a start imports: what is needed for the first answer, and nothing that can wait."""

import subprocess
import sys

import pytest

LOADED = "\nprint(*sorted(sys.modules), file=sys.stderr)"
HELP = "import sys\nimport understudy_aws.cli.main"
FIRST_ANSWER = """
import sys
from understudy_aws.app import build
from understudy_aws.cli import up
from understudy_aws.core.http import HttpRequest
from understudy_aws.settings import Settings

app = build(Settings(state="memory:"))
up.first_account(app)
headers = {"host": "x", "content-type": "application/x-www-form-urlencoded"}
body = b"Action=GetCallerIdentity&Version=2011-06-15"
assert app.answer(HttpRequest("POST", "/", "", headers, body)).status == 403
app.close()
"""
# A start that loads one of these is slower by it, and the first that needs it can load it.
WAIT_FOR_NEED = (
    "boto3",
    "botocore",
    "email.utils",
    "understudy_aws.admin.explanations",
    "understudy_aws.admin.recordings",
    "understudy_aws.policy.explanation",
    "understudy_aws.policy.findings",
    "understudy_aws.policy.recording",
    "understudy_aws.services.accessanalyzer.policy_validation",
    "understudy_aws.services.cloudtrail.lookup",
    "understudy_aws.services.iam.simulation",
    "understudy_aws.services.organizations.handshakes",
)
SERVER = ("asyncio", "msgspec", "ssl", "understudy_aws.app", "understudy_aws.services", "uvloop")


def loaded(code):
    done = subprocess.run(
        [sys.executable, "-c", code + LOADED], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.split())


@pytest.fixture(scope="module")
def by_the_first_answer():
    return loaded(FIRST_ANSWER)


def test_the_first_answer_is_given_without_what_can_wait(by_the_first_answer):
    assert {"understudy_aws.gateway.pipeline", "understudy_aws.wire.routing"} <= by_the_first_answer
    assert set() == by_the_first_answer & set(WAIT_FOR_NEED)


@pytest.mark.parametrize("name", WAIT_FOR_NEED)
def test_what_waits_is_there_when_it_is_needed(name):
    """A name that is not there any more would never be found among what is loaded."""
    assert name in loaded(f"import sys, importlib; importlib.import_module({name!r})")


def test_help_and_asking_a_server_need_nothing_of_the_server():
    found = loaded(HELP)
    assert "understudy_aws.cli.main" in found
    assert set() == found & {*WAIT_FOR_NEED, *SERVER}
