"""Options over the environment over defaults."""

from __future__ import annotations

import argparse

import pytest

from understudy_aws.cli.options import add_options, settings_of
from understudy_aws.core.errors import UserError


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words)


def test_an_option_wins_over_the_environment_and_what_the_command_says_over_both(monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_PORT", "1")
    assert 1 == settings_of(asked()).port
    assert 2 == settings_of(asked("--port", "2")).port
    assert 3 == settings_of(asked("--port", "2"), port=3).port


def test_every_setting_of_a_server_is_an_option():
    given = asked(
        "--state", "memory:", "--host", "::1", "--port", "0", "--account", "111122223333", "--iam", "off",
        "--clock", "aws", "--seed", "7", "--tls-certificate", "pem",
    )  # fmt: skip
    made = settings_of(given)
    assert ("memory:", "::1", 0, "111122223333") == (made.state, made.host, made.port, made.account)
    assert ("off", "aws", 7, "pem") == (made.iam, made.clock, made.seed, made.tls_certificate)


def test_a_value_that_is_none_is_one_sentence():
    with pytest.raises(UserError, match="iam must be strict, soft or off"):
        settings_of(asked("--iam", "lax"))
