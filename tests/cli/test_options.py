"""Options over the environment over defaults."""

from __future__ import annotations

import argparse

import pytest

from understudy_aws.cli.main import main
from understudy_aws.cli.options import SETTINGS, add_options, settings_of
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
        "--clock", "aws", "--seed", "7", "--trail", "9", "--synchronous", "full", "--tls-certificate", "/pem",
        "--known-service-principals", "new.amazonaws.com, newer.amazonaws.com",
    )  # fmt: skip
    made = settings_of(given)
    assert ("memory:", "::1", 0, "111122223333") == (made.state, made.host, made.port, made.account)
    assert ("off", "aws", 7, "/pem") == (made.iam, made.clock, made.seed, made.tls_certificate)
    assert (9, "full") == (made.trail, made.synchronous)
    assert ("new.amazonaws.com", "newer.amazonaws.com") == made.service_principals


def test_a_value_that_is_none_is_one_sentence():
    with pytest.raises(UserError, match="iam must be strict, soft or off"):
        settings_of(asked("--iam", "lax"))


class TestHelp:
    def help_of(self, capsys, *words):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        return capsys.readouterr().out

    def test_a_commands_own_options_come_first(self, capsys):
        said = self.help_of(capsys, "reset")
        assert said.index("--yes") < said.index("--state")
        assert said.split("\n", 1)[0].index("--yes") < said.index("[--state")

    def test_defaults_are_the_commands_own(self, capsys):
        assert "or memory: (memory:)" in self.help_of(capsys, "exec")
        assert "4566" not in self.help_of(capsys, "exec")
        assert "(4566)" in self.help_of(capsys, "up")

    def test_a_command_that_starts_no_server_shows_what_matters_to_it(self, capsys):
        said = self.help_of(capsys, "trail")
        assert "--state" in said
        assert "--synchronous" not in said
        assert "The other settings are in `understudy up --help`." in said.replace("\n", " ")

    def test_a_server_shows_every_setting(self, capsys):
        said = self.help_of(capsys, "up")
        assert [] == [name for name in SETTINGS if f"--{name.replace('_', '-')} " not in said]
