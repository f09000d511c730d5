"""Administrative requests answered from a state that no server runs on."""

from __future__ import annotations

import pytest

from understudy_aws.admin.requests import AddAccount, ListTrail, Reset, Status
from understudy_aws.cli.offline import answer
from understudy_aws.cli.server_files import files_of
from understudy_aws.core.errors import UserError
from understudy_aws.settings import read


def test_what_is_created_stays_and_its_keys_are_kept(left_state):
    settings = read({}, state=left_state)
    made = answer(settings, AddAccount(id="111122223333"))
    accounts = [account["id"] for account in answer(settings, Status())["accounts"]]
    assert ["000000000000", "111122223333"] == sorted(accounts)
    assert made["access_key_id"] == files_of(settings).read_keys("111122223333").access_key_id


def test_a_refusal_is_its_own_sentence(left_state):
    with pytest.raises(UserError, match=r"^Account 000000000000 exists already\.$"):
        answer(read({}, state=left_state), AddAccount(id="000000000000"))


def test_the_answer_is_made_of_json_values(left_state):
    settings = read({}, state=left_state)
    answer(settings, Reset())
    assert {"entries": []} == answer(settings, ListTrail())
