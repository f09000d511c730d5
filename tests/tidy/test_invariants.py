"""Every invariant of ARCHITECTURE.md is checked: here by reading the code, or by tests and contracts that are named."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from understudy_aws import app
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.store.tables import Record

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "understudy_aws"
TREES = {str(path.relative_to(SOURCE)): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}
CONTRACTS = {
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# By the words an invariant begins with: the import contracts, and the tests by file, that check it.
CHECKED_BY = {
    "Policy never reads the store, and does no input or output.": (
        "Imports point down",
        "Policy, wire and core do no I/O",
        "Policy reads no files; it asks the data package",
    ),
    "Wire knows no operation by name.": ("tidy/test_invariants.py::test_wire_knows_no_operation_by_name",),
    "No operation without a target.": (
        "tidy/test_invariants.py::test_an_operation_cannot_be_declared_without_its_targets",
        "tidy/test_operations.py::test_only_the_documented_few_need_no_permission",
        "tidy/test_operations.py::test_a_caller_without_policies_is_refused_everything",
    ),
    "A folder of `services/` is a service.": (
        "tidy/test_services.py::test_every_folder_is_a_service",
        "tidy/test_services.py::test_it_agrees_with_the_api_description",
        "tidy/test_services.py::test_it_serves_what_its_folder_declares",
    ),
    "No request makes others wait for long.": (
        "services/test_largest_requests.py::test_a_list_as_long_as_it_may_be",
        "services/test_largest_requests.py::test_filters_with_wildcards_on_two_thousand_interfaces",
    ),
    "A failed request leaves no trace but the trail.": (
        "gateway/test_pipeline.py::test_a_refusal_changes_nothing_and_is_in_the_services_words",
        "gateway/test_pipeline.py::test_a_bug_is_an_answer_and_leaves_nothing",
        "gateway/test_pipeline.py::test_an_answer_that_cannot_be_written_undoes_what_was_done",
    ),
    "No role is handed to a service without `iam:PassRole` and `iam:PassedToService`.": (
        "gateway/test_role_passing.py::test_no_operation_forgets_it",
        "gateway/test_role_passing.py::test_there_is_no_other_way_to_ask_for_it",
    ),
    "No secret reaches the trail": (
        "gateway/test_secrets.py::test_no_secret_of_any_member_of_any_operation_is_kept",
        "gateway/test_secrets.py::test_secrets_that_clients_send",
    ),
    "An answer that left is on disk.": (
        "system/test_crash.py::test_whatever_was_answered_is_there_after_a_kill",
        "store/test_failing_store.py::test_no_200_leaves_for_what_was_not_kept",
    ),
    "A start imports what its first answer needs.": (
        "test_start.py::test_the_first_answer_is_given_without_what_can_wait",
        "tidy/test_house.py::test_values_are_structs",
    ),
    "A transaction is an object.": (
        "store/test_failing_store.py::test_one_is_used_in_its_block_alone",
        "store/test_failing_store.py::test_one_that_is_held_across_an_await_is_undone",
        "store/test_failing_store.py::test_a_record_that_cannot_be_written_fails_its_own_transaction_alone",
        "store/test_failing_store.py::test_a_rolled_back_inner_call_is_in_the_trail_as_rolled_back",
    ),
    "When a write fails, memory is what the store holds": (
        "store/test_failing_store.py::test_whatever_fails_memory_is_what_the_store_holds_and_nobody_is_told_otherwise",
        "store/test_failing_store.py::test_what_came_later_fails_with_what_it_may_build_on",
    ),
    "A controller takes no hint.": (
        "tidy/test_invariants.py::test_a_controller_is_told_the_time_and_nothing_else",
        "controllers/test_controller_manager.py::test_a_poisoned_key_leaves_nothing_and_blocks_no_other_of_its_kind",
        "controllers/test_crash_between_steps.py::test_killed_after_any_write_it_ends_as_if_nothing_had_happened",
    ),
    "With the clock at `aws`, decisions are made from IAM's records as they are known by then": (
        "gateway/test_propagation.py::test_when_the_delays_are_over_decisions_are_those_without_delays",
        "gateway/test_propagation.py::test_with_the_instant_clock_nothing_is_kept",
    ),
    "With the clock at `instant`, an answer waits for the durable operations that are due": (
        "system/test_instant_clock.py::test_a_deletion_has_ended_at_the_first_question",
        "controllers/test_controller_manager.py::test_it_does_not_wait_for_work_that_takes_long",
    ),
    "A durable operation resumes at the step that was not noted as done": (
        "controllers/test_crash_between_steps.py::test_killed_after_any_write_it_ends_as_if_nothing_had_happened",
        "controllers/test_operation_runner.py::test_a_step_that_cannot_succeed_has_all_undone",
    ),
    "The condition keys of a request are made in one place": (
        "tidy/test_invariants.py::test_condition_keys_of_the_request_are_made_in_one_place",
        "gateway/test_request_context.py::test_asking_ahead_what_a_call_did_gives_its_decision_and_its_keys",
    ),
    "No IAM mode opens another account or a service-linked role.": (
        "gateway/test_iam_modes.py::test_another_accounts_administrator_gets_no_session_of_a_linked_role",
        "gateway/test_iam_modes.py::test_resources_of_another_account_stay_there",
    ),
    "Being service-linked is a property given at creation": (
        "tidy/test_invariants.py::test_being_linked_is_never_read_off_a_path",
        "services/iam/test_roles.py::test_what_is_reserved_for_aws_makes_no_role",
    ),
    "The clock is read in one place": (
        "tidy/test_invariants.py::test_the_clock_is_read_in_one_place",
        "tidy/test_invariants.py::test_randomness_is_drawn_in_one_place",
    ),
    "A node measures time by a clock that nobody sets.": (
        "tidy/test_invariants.py::test_a_node_reads_the_machines_clock_to_tell_the_time_alone",
        "node/test_clock_jumps.py::test_a_clock_that_is_set_keeps_nothing_from_happening_and_lengthens_nothing",
    ),
    "A record never changes.": ("tidy/test_invariants.py::test_records_are_frozen",),
}


def invariants():
    text = (ROOT / "ARCHITECTURE.md").read_text().partition("\n## Invariants\n")[2].partition("\n## ")[0]
    return re.findall(r"^\* \*\*(.+?)\*\*", text, re.MULTILINE | re.DOTALL)


def test_each_is_checked():
    assert sorted(invariants()) == sorted(CHECKED_BY)


@pytest.mark.parametrize("check", sorted({check for checks in CHECKED_BY.values() for check in checks}))
def test_what_checks_it_is_there(check):
    file, is_test, name = check.partition("::")
    if not is_test:
        assert check in CONTRACTS
        return
    tree = ast.parse((ROOT / "tests" / file).read_text())
    functions = {
        each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in functions


def texts(tree):
    """Every text in a module but its docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def imported(tree):
    """What a module imports: `time` for `import time`, `time.sleep` for `from time import sleep`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reads_a_clock(tree):
    named = {name for name in imported(tree) if name == "time" or name.startswith("time.")} - {"time.sleep"}
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and (node.func.attr in {"utcnow", "today"} or ast.unparse(node.func) in {"datetime.now", "loop.time"})
    }  # fmt: skip
    return named | called


def test_the_clock_is_read_in_one_place():
    assert {"core/clock.py"} == {path for path, tree in TREES.items() if reads_a_clock(tree)}


def test_a_node_reads_the_machines_clock_to_tell_the_time_alone():
    """The modules that do, each to write down or to say when something was."""
    readers = {
        path
        for path, tree in TREES.items()
        if path.startswith(("node/", "dataplane/"))
        and any(name.endswith((".SystemClock", ".unix_seconds")) for name in imported(tree))
    }
    assert readers == {
        "node/fabric.py",
        "node/flow_recorder.py",
        "node/ingress/edge_answers.py",
        "node/ingress/heads.py",
        "node/spool.py",
        "node/time_service.py",
    }


def test_randomness_is_drawn_in_one_place():
    sources = re.compile(r"(random|secrets|uuid|os\.(urandom|getrandom))\b")
    calls = re.compile(r"\bos\.(urandom|getrandom)\b")
    drawing = {
        path
        for path, tree in TREES.items()
        if any(sources.match(name) for name in imported(tree)) or calls.search(ast.unparse(tree))
    }
    assert {"core/ids.py"} == drawing


def test_wire_knows_no_operation_by_name():
    names = {each.name for each in Registry(SERVICES)}
    assert len(names) > 100
    known = {text for path, tree in TREES.items() if path.startswith("wire/") for text in texts(tree)}
    assert len(known) > 100
    assert set() == known & names


def test_an_operation_cannot_be_declared_without_its_targets():
    targets = inspect.signature(operation).parameters["on"]
    assert (inspect.Parameter.empty, inspect.Parameter.KEYWORD_ONLY) == (targets.default, targets.kind)


def test_a_controller_is_told_the_time_and_nothing_else():
    with_memory = app.build(app.Settings(state="memory:"))
    controllers = with_memory.controllers._by_name.values()
    assert len(controllers) > 5
    for each in controllers:
        assert len(inspect.signature(each.due).parameters) == 2, "a transaction, and the time"
        assert len(inspect.signature(each.reconcile).parameters) == 2, "a key, and the world"
    with_memory.close()


def test_condition_keys_of_the_request_are_made_in_one_place():
    """The policy engine and the data name keys to explain them; the simulator has one that AWS's gives (simulator.md 5.2)."""
    request = re.compile(
        r"aws:(principal|source|called|via|current|epoch|requestedregion|securetransport|useragent|userid|username|token"
        r"|multifactor|resourceaccount|{whose})"
    )
    elsewhere = {
        path: sorted(found)
        for path, tree in TREES.items()
        if not path.startswith(("policy/", "data/")) and path != "gateway/request_context.py"
        and (found := {text for text in texts(tree) if request.match(text)})
    }  # fmt: skip
    assert {"services/iam/simulation.py": ["aws:userid"]} == elsewhere


def test_being_linked_is_never_read_off_a_path():
    """Where the path of linked roles is written: to make ARNs and ids with it, and to refuse it to others."""
    named = {
        path
        for path, tree in TREES.items()
        if path.startswith(("gateway/", "services/", "authn/", "admin/", "controllers/"))
        and any("aws-service-role" in text for text in texts(tree))
    }
    assert {
        "admin/explanations.py",
        "services/iam/deletion_tasks.py",
        "services/iam/reserved_roles.py",
        "services/iam/service_linked_roles.py",
    } == named


def test_records_are_frozen():
    assert list(Registry(SERVICES)), "all services are imported"

    def kinds(kind):
        for each in kind.__subclasses__():
            yield each
            yield from kinds(each)

    found = list(kinds(Record))
    assert len(found) > 30
    assert [] == [kind for kind in found if not kind.__struct_config__.frozen]
    assert issubclass(Record, msgspec.Struct)
