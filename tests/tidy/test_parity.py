"""docs/parity.md says what is served, and names tests that call it (`--update-golden` writes it)."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import botocore
import pytest

from understudy_aws.services import SERVICES
from understudy_aws.wire.names import snake

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "parity.md"


@pytest.fixture(scope="module")
def parity():
    spec = spec_from_file_location("generate_parity", ROOT / "tools" / "generate_parity.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_services_and_tests_say(parity, request):
    """With another botocore, operations and parameters may have come; what is served and shown is still the same."""
    text = PAGE.read_text() if PAGE.exists() else ""
    made = parity.page(text)
    if request.config.getoption("--update-golden", default=False):
        PAGE.write_text(made)
        text = made
    if f"botocore {botocore.__version__} " in text:
        assert made == text
    else:
        assert shown(parity, made) == shown(parity, text)


def shown(parity, text):
    return [(row.split("|")[1], row.split("|")[3]) for row in parity.rows(text)]


def test_every_operation_that_is_served_has_a_row(parity):
    found = re.findall(r"^\| `([\w-]+:\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert len(found) > 200
    assert sorted(found) == sorted(
        operation.action for service in SERVICES for operation in service.operations.values()
    )


def test_an_operation_that_no_test_calls_is_not_claimed(parity):
    with pytest.raises(LookupError, match="No test in tests/services/iam calls AcquireRole"):
        parity._shown_by("iam", "AcquireRole", None)


def test_most_rows_name_a_test_that_calls_the_operation_itself(parity):
    """The others call it by a fixture or a table; were these the rule, rows would show little."""
    rows = re.findall(r"^\| `[\w-]+:(\w+)` \|.*\[`(\w+)`\]\(\.\./([^)]+)\)", PAGE.read_text(), re.MULTILINE)
    calling = [
        name
        for name, test, file in rows
        if re.search(
            rf"def {test}\(.*?\b{snake(name)}\b.*?(?=\n    def |\ndef |\Z)",
            (ROOT / file).read_text(),
            re.DOTALL,
        )
    ]
    assert len(calling) > 0.8 * len(rows)
