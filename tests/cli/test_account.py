"""More accounts."""

from __future__ import annotations

from understudy_aws.cli.main import main
from understudy_aws.cli.server_files import files_of
from understudy_aws.settings import read


def test_an_account_is_added_and_its_keys_kept(left_state, capsys):
    assert 0 == main(["account", "add", "111122223333", "--state", left_state])
    kept = files_of(read({}, state=left_state)).read_keys("111122223333")
    out = capsys.readouterr().out
    assert kept.access_key_id in out
    assert kept.secret_access_key in out


def test_one_that_exists_or_is_none_is_one_sentence(left_state, capsys):
    assert 2 == main(["account", "add", "000000000000", "--state", left_state])
    assert "understudy: Account 000000000000 exists already.\n" == capsys.readouterr().err
    assert 2 == main(["account", "add", "1", "--state", left_state])
    assert "understudy: An account's id is 12 digits, not '1'.\n" == capsys.readouterr().err
    assert 2 == main(["account"])
