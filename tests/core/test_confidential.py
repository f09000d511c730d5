"""What is secret is not printed."""

import pytest

from understudy_aws.authn.credentials import Credential
from understudy_aws.cli.server_files import Keys as KeysInFile
from understudy_aws.cli.server_files import ServerFile
from understudy_aws.core.confidential import Confidential
from understudy_aws.services.accounts import Keys
from understudy_aws.testing import Credentials


class Pair(Confidential, frozen=True):
    hidden = frozenset({"secret"})

    name: str
    secret: str


def test_a_hidden_field_is_left_out_and_the_others_are_printed():
    assert "Pair(name='who')" == repr(Pair("who", "hush"))
    assert "Pair(name='who')" == f"{Pair('who', 'hush')}"


def test_values_with_the_same_name_and_another_secret_are_not_equal():
    assert Pair("who", "hush") != Pair("who", "quiet")


@pytest.mark.parametrize(
    "value",
    [
        Credential("AKIA", "hush", None, "hush"),
        Keys("AKIA", "hush"),
        KeysInFile("AKIA", "hush"),
        ServerFile("http://127.0.0.1:4566", 1, "hush"),
        Credentials("AKIA", "hush", "hush"),
    ],
    ids=lambda value: f"{type(value).__module__}.{type(value).__name__}",
)
def test_no_key_prints_its_secret(value):
    assert "hush" not in repr(value)
