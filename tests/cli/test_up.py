"""What a server says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from understudy_aws.admin.requests import Reset
from understudy_aws.app import build
from understudy_aws.cli.invocation import program
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import Keys, files_of
from understudy_aws.cli.up import Announcement, first_account, keep_administrators_keys, notes
from understudy_aws.core.errors import UserError
from understudy_aws.settings import read


def said(obstacle="", **given) -> str:
    return "\n".join(notes(read({}, **given), obstacle))


def test_a_machine_that_makes_no_networks_is_said_loudly():
    assert "NO PACKET" not in said()
    assert "NO PACKET IS FILTERED HERE, and nothing is isolated. `this` would" in said("`this` would")


def test_every_banner_says_what_is_not_there():
    assert "of nothing else in EC2" in said()
    assert "Plain HTTP" in said()


def test_policies_that_are_not_enforced_are_said_loudly():
    assert "IAM" not in said()
    assert "NOT ENFORCED" in said(iam="soft")
    assert "NO POLICY IS ASKED" in said(iam="off")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_a_loopback_address_is_quiet(host):
    assert "LISTENING" not in said(host=host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_any_other_address_is_said_loudly(host):
    assert f"LISTENING ON {host}" in said(host=host)


def test_a_person_is_told_where_the_server_is_and_the_keys_when_asked(tmp_path, capsys):
    settings = read({}, state=str(tmp_path))
    for keys, shown in ((Keys("AKIAEXAMPLE", "secret-one"), True), (None, False)):
        Announcement(settings, "http://127.0.0.1:1", "111122223333", files_of(settings), keys).give(Output())
        told = capsys.readouterr()
        assert all(
            fact in told.out for fact in ("http://127.0.0.1:1", "111122223333", "strict", str(tmp_path))
        )
        assert (shown, shown) == ("AKIAEXAMPLE" in told.out, "secret-one" in told.out)
        assert f"{tmp_path}/credentials (profile 111122223333)" in told.out
        assert "of nothing else in EC2" in told.err


@pytest.mark.parametrize(
    ("ingress", "told"),
    [
        ("127.0.0.1:4567", "answered at 127.0.0.1:4567\n"),
        ("", "answered at a free port, which `understudy status` tells once one runs\n"),
    ],
)
def test_a_person_is_told_where_services_are_answered(tmp_path, capsys, ingress, told):
    settings = read({}, state=str(tmp_path))
    announced = Announcement(
        settings, "http://127.0.0.1:1", "111122223333", files_of(settings), None, ingress=ingress
    )
    announced.give(Output(as_json=False))
    assert told in capsys.readouterr().out
    announced.give(Output(as_json=True))
    assert json.loads(capsys.readouterr().out)["ingress"] == ingress


class TestTheLineForOtherTerminals:
    def line(self, **given):
        settings = read({"HOME": str(Path.home())}, **given)
        endpoint = "http://127.0.0.1:7000"
        return Announcement(settings, endpoint, "111122223333", files_of(settings), None).eval_line

    @pytest.fixture(autouse=True)
    def home(self, monkeypatch):
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    def test_the_default_state_needs_no_options(self):
        assert f'eval "$({program()} env)"' == self.line()

    def test_another_state_is_named(self):
        assert self.line(state="/some where").endswith(" env --state '/some where')\"")

    def test_a_state_in_memory_is_found_by_its_port(self):
        assert self.line(state="memory:").endswith(' env --state memory: --port 7000)"')

    def test_an_account_that_was_asked_for_is_named(self):
        assert self.line(account="111122223333").endswith(' env --account 111122223333)"')


class TestTheFirstAccount:
    @pytest.fixture
    def state(self, tmp_path):
        return str(tmp_path / "state")

    def open(self, state, **given):
        return build(read({}, state=state, **given))

    def test_it_is_made_once(self, state):
        app = self.open(state)
        account, keys = first_account(app)
        assert ("000000000000", True) == (account, keys is not None)
        app.close()
        app = self.open(state)
        assert ("000000000000", None) == first_account(app)
        app.close()

    def test_a_state_made_for_another_account_stays_with_it(self, state):
        app = self.open(state, account="111122223333")
        first_account(app)
        app.close()
        app = self.open(state)
        assert ("111122223333", None) == first_account(app)
        app.close()

    def test_it_stays_the_first_when_others_are_made(self, state):
        """Also the account that is made by default, which comes first by its number."""
        app = self.open(state, account="111122223333")
        first_account(app)
        app.make_account("000000000000")
        app.close()
        app = self.open(state)
        assert ("111122223333", None) == first_account(app)
        assert "111122223333" == app.admin.answer(Reset())["account"]
        app.close()
        app = self.open(state, account="111122223333")
        assert ("111122223333", None) == first_account(app)
        app.close()

    def test_an_account_the_state_does_not_hold_is_one_sentence(self, state):
        app = self.open(state)
        first_account(app)
        app.close()
        app = self.open(state, account="111122223333")
        with pytest.raises(UserError, match="holds account 000000000000 and not 111122223333"):
            first_account(app)
        app.close()

    def test_keys_lost_in_a_crash_at_the_first_start_are_written_again(self, state):
        app = self.open(state)
        account, keys = first_account(app)
        files = files_of(app.settings)
        assert None is files.read_keys(account)
        keep_administrators_keys(app, files)
        kept = files.read_keys(account)
        app.close()
        assert (keys.access_key_id, keys.secret_access_key) == (kept.access_key_id, kept.secret_access_key)

    def test_keys_that_are_no_more_are_replaced_in_the_owners_file(self, state):
        app = self.open(state)
        account, keys = first_account(app)
        files = files_of(app.settings)
        for kept in (("AKIAOLD", "old"), (keys.access_key_id, "wrong")):
            files.write_keys(account, *kept)
            keep_administrators_keys(app, files)
            assert keys.secret_access_key == files.read_keys(account).secret_access_key
        app.close()
