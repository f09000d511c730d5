"""What a server leaves for its owner."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from understudy_aws.cli.server_files import Keys, ServerFile, files_of
from understudy_aws.core.errors import UserError
from understudy_aws.settings import read

HERE = ServerFile("http://127.0.0.1:4566", os.getpid(), "token")


@pytest.fixture
def files(tmp_path):
    return files_of(read({}, state=str(tmp_path / "state")))


def test_what_was_written_is_read_and_private(files):
    files.write_server(HERE)
    files.write_keys("000000000000", "AKIA", "secret")
    assert HERE == files.read_server()
    assert Keys("AKIA", "secret") == files.read_keys("000000000000")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (files.server, files.credentials)}
    assert {0o600} == modes


def test_each_account_has_a_profile_of_its_own(files):
    files.write_keys("000000000000", "AKIA", "secret")
    files.write_keys("111122223333", "AKIB", "other")
    assert "AKIA" == files.read_keys("000000000000").access_key_id
    assert "AKIB" == files.read_keys("111122223333").access_key_id
    assert None is files.read_keys("999999999999")


def test_nothing_written_is_nothing_read(files):
    assert None is files.read_server()


def test_a_damaged_file_is_one_sentence(files):
    files.server.parent.mkdir()
    files.server.write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        files.read_server()


def test_only_the_servers_own_file_is_removed(files):
    files.write_server(ServerFile("http://127.0.0.1:1", os.getpid() + 1, "theirs"))
    files.remove_server()
    assert files.server.exists()
    files.write_server(HERE)
    files.remove_server()
    assert not files.server.exists()


def test_secrets_are_not_in_printed_forms():
    assert "secret" not in repr(Keys("AKIA", "secret"))
    assert "token" not in repr(HERE).replace("token=", "")


class TestInMemory:
    @pytest.fixture(autouse=True)
    def own_temporary_directory(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        self.directory = tmp_path / f"understudy-{os.getuid()}"

    def test_files_are_named_by_the_port_in_a_private_directory(self):
        files = files_of(read({}, state="memory:"), port=1234)
        assert self.directory / "memory-1234.json" == files.server
        assert 0o700 == stat.S_IMODE(self.directory.stat().st_mode)

    def test_a_directory_open_to_others_is_refused(self):
        self.directory.mkdir()
        self.directory.chmod(0o755)
        with pytest.raises(UserError, match="not private to you"):
            files_of(read({}, state="memory:"))

    def test_a_link_is_refused(self, tmp_path):
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        self.directory.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UserError, match="not private to you"):
            files_of(read({}, state="memory:"))
