"""More accounts."""

from __future__ import annotations

import json

import pytest

from understudy_aws.app import build
from understudy_aws.cli.main import main
from understudy_aws.cli.server_files import files_of
from understudy_aws.services.iam.users import access_keys
from understudy_aws.settings import read


def test_an_account_is_added_and_its_keys_kept(left_state, capsys):
    assert 0 == main(["account", "add", "111122223333", "--state", left_state])
    files = files_of(read({}, state=left_state))
    kept = files.read_keys("111122223333")
    out = capsys.readouterr().out
    assert kept.access_key_id in out
    assert kept.secret_access_key not in out
    assert f"{files.credentials} (profile 111122223333)" in out
    assert f'env --account 111122223333 --state {left_state})"\n' in out


@pytest.mark.parametrize("words", [("add", "111122223333"), ("rotate-keys",)])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_secrets_are_shown_when_asked_for_and_not_otherwise(left_state, capsys, words, more):
    files = files_of(read({}, state=left_state))
    for asked, shown in (((), False), (("--show-keys",), True)):
        number = words[1:] and (f"11112222333{len(asked)}",)
        assert 0 == main(["account", words[0], *number, "--state", left_state, *more, *asked])
        secret = files.read_keys(number[0] if number else "000000000000").secret_access_key
        assert shown == (secret in capsys.readouterr().out)


def test_rotated_keys_replace_all_old_ones(left_state, capsys):
    settings = read({}, state=left_state)
    before = files_of(settings).read_keys("000000000000")
    assert 0 == main(["account", "rotate-keys", "--state", left_state])
    after = files_of(settings).read_keys("000000000000")
    assert before.access_key_id != after.access_key_id
    app = build(settings)
    with app.database.transaction() as tx:
        assert [(after.access_key_id, after.secret_access_key)] == [
            (key.id, key.secret) for key in access_keys.scan(tx)
        ]
    app.close()


def test_keys_of_no_account_are_one_sentence(left_state, capsys):
    assert 2 == main(["account", "rotate-keys", "111122223333", "--state", left_state])
    expected = "understudy: There is no account 111122223333; there is 000000000000.\n"
    assert expected == capsys.readouterr().err


def test_accounts_are_listed_the_first_one_first(left_state, capsys):
    main(["account", "add", "000000000001", "--state", left_state])
    capsys.readouterr()
    assert 0 == main(["account", "list", "--state", left_state])
    lines = capsys.readouterr().out.splitlines()
    assert ["ACCOUNT", "000000000000", "000000000001"] == [line.split()[0] for line in lines]
    assert lines[2].endswith(f"env --account 000000000001 --state {left_state}"), (
        "the way into this very state"
    )
    assert 0 == main(["account", "list", "--json", "--state", left_state])
    found = json.loads(capsys.readouterr().out)["accounts"]
    assert [True, True] == [each["administrator"] for each in found]
    assert 2 == main(["account", "list", "000000000001", "--state", left_state])


def test_one_that_exists_or_is_none_is_one_sentence(left_state, capsys):
    assert 2 == main(["account", "add", "000000000000", "--state", left_state])
    assert "understudy: Account 000000000000 exists already.\n" == capsys.readouterr().err
    assert 2 == main(["account", "add", "1", "--state", left_state])
    assert "understudy: An account's id is 12 digits, not '1'.\n" == capsys.readouterr().err
    assert 2 == main(["account", "lst"])
    assert "understudy: `understudy account` has no 'lst'; did you mean list?\n" == capsys.readouterr().err
    assert 2 == main(["account", "remove"])
    assert "has no 'remove'; it takes add, list or rotate-keys.\n" in capsys.readouterr().err
    assert 2 == main(["account"])
