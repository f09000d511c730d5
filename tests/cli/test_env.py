"""Shell lines and profiles."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from understudy_aws.admin.build import BUILD
from understudy_aws.cli import admin_client
from understudy_aws.cli.env import write_profile
from understudy_aws.cli.main import main
from understudy_aws.cli.server_files import Keys, ServerFile, files_of
from understudy_aws.core.errors import UserError
from understudy_aws.settings import read

KEYS = Keys("AKIAEXAMPLE", "se'cret")
ENDPOINT = "http://127.0.0.1:4566"


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The state of a server that answers: what is asked of it is in tests/system."""
    directory = str(tmp_path / "state")
    files = files_of(read({}, state=directory))
    files.write_keys("000000000000", KEYS.access_key_id, KEYS.secret_access_key)
    files.write_server(ServerFile(ENDPOINT, 1, "token"))
    monkeypatch.setattr(admin_client, "health_of", lambda server: {"build": BUILD})
    return directory


class TestLines:
    def test_each_variable_is_an_export_a_shell_can_read(self, state, capsys):
        assert 0 == main(["env", "--state", state])
        out, err = capsys.readouterr()
        assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4566\n" in out
        assert """export AWS_SECRET_ACCESS_KEY='se'"'"'cret'\n""" in out
        assert "" == err

    def test_json_for_programs(self, state, capsys):
        assert 0 == main(["env", "--state", state, "--json"])
        assert "AKIAEXAMPLE" == json.loads(capsys.readouterr().out)["AWS_ACCESS_KEY_ID"]

    def test_a_profile_that_is_set_is_unset(self, state, capsys, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "work")
        main(["env", "--state", state])
        assert "unset AWS_PROFILE\n" in capsys.readouterr().out

    def test_the_keys_of_a_state_made_for_another_account_are_found(self, state, capsys):
        files = files_of(read({}, state=state))
        files.forget_keys()
        files.write_keys("111122223333", "AKIAOTHER", "secret")
        assert 0 == main(["env", "--state", state])
        assert "AKIAOTHER" in capsys.readouterr().out


class TestProfile:
    @pytest.fixture
    def environment(self, tmp_path):
        return {
            "AWS_CONFIG_FILE": str(tmp_path / "aws" / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws" / "credentials"),
        }

    def contents(self, environment):
        return [Path(path).read_text() for path in environment.values()]

    def test_both_files_are_written_for_their_owner(self, environment, tmp_path):
        write_profile("ours", ENDPOINT, KEYS, environment, force=False)
        assert [
            "[profile ours]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:4566\n",
            "[ours]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = se'cret\n",
        ] == self.contents(environment)
        assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "aws").iterdir()}

    def test_the_default_profiles_section_has_no_prefix(self, environment):
        write_profile("default", ENDPOINT, KEYS, environment, force=False)
        assert self.contents(environment)[0].startswith("[default]\n")

    def test_our_own_is_written_again_and_keeps_its_region(self, environment):
        write_profile("ours", ENDPOINT, KEYS, environment, force=False)
        config = Path(environment["AWS_CONFIG_FILE"])
        config.write_text(config.read_text().replace("us-east-1", "eu-west-1"))
        write_profile("ours", "http://127.0.0.1:1", KEYS, environment, force=False)
        assert (
            "[profile ours]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:1\n"
            == self.contents(environment)[0]
        )

    def test_somebody_elses_is_refused_and_untouched(self, environment, tmp_path):
        (tmp_path / "aws").mkdir()
        theirs = "[work]\naws_access_key_id = AKIATHEIRS\naws_secret_access_key = x\naws_session_token = y\n"
        (tmp_path / "aws" / "credentials").write_text(theirs)
        with pytest.raises(UserError, match="a profile work already that is not ours"):
            write_profile("work", ENDPOINT, KEYS, environment, force=False)
        assert theirs == (tmp_path / "aws" / "credentials").read_text()
        write_profile("work", ENDPOINT, KEYS, environment, force=True)
        assert "aws_session_token" not in (tmp_path / "aws" / "credentials").read_text()

    def test_the_authority_of_a_server_with_tls_is_written_and_taken_away_again(self, environment):
        write_profile("ours", ENDPOINT, KEYS, environment, force=False, ca_bundle="/kept/ca.pem")
        assert "\nca_bundle = /kept/ca.pem\n" in self.contents(environment)[0]
        write_profile("ours", ENDPOINT, KEYS, environment, force=False)
        assert "ca_bundle" not in self.contents(environment)[0]

    @pytest.mark.parametrize("name", ["a]b", "a\nb", " "])
    def test_a_name_that_would_break_the_file_is_refused(self, environment, name):
        with pytest.raises(UserError, match="cannot be a profile's name"):
            write_profile(name, ENDPOINT, KEYS, environment, force=False)
