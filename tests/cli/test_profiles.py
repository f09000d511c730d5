"""AWS's own files, edited line by line."""

from __future__ import annotations

import stat

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.cli.profiles import read_profile, read_text, with_profile, write_private

FILE = """\
# mine
[default]
region = eu-west-1   # not a comment to AWS
s3 =
    max_concurrent_requests = 20
    endpoint_url = http://elsewhere

; work
[profile work]
region=us-east-1
role_arn = arn:aws:iam::111122223333:role/x

[plugins]
"""


def test_a_profile_is_added_behind_everything_else():
    assert FILE + "\n[profile ours]\nregion = us-east-1\n" == with_profile(
        FILE, "profile ours", {"region": "us-east-1"}
    )


def test_a_setting_is_replaced_where_it_stands_and_the_rest_is_untouched():
    expected = FILE.replace("region=us-east-1", "region = sa-east-1")
    assert expected == with_profile(FILE, "profile work", {"region": "sa-east-1"})


def test_a_new_setting_follows_the_last_one_before_the_blank_lines():
    expected = FILE.replace("role/x\n", "role/x\noutput = json\n")
    assert expected == with_profile(FILE, "profile work", {"output": "json"})


def test_a_setting_of_none_is_removed_with_what_is_nested_in_it():
    expected = FILE.replace(
        "s3 =\n    max_concurrent_requests = 20\n    endpoint_url = http://elsewhere\n", ""
    )
    assert expected == with_profile(FILE, "default", {"s3": None})


def test_nested_settings_are_no_settings_of_the_profile():
    assert {"region": "eu-west-1   # not a comment to AWS", "s3": ""} == read_profile(FILE, "default")


def test_a_nested_setting_of_the_same_name_stays():
    edited = with_profile(FILE, "default", {"endpoint_url": "http://127.0.0.1:4566"})
    assert "    endpoint_url = http://elsewhere\n" in edited
    assert "http://127.0.0.1:4566" == read_profile(edited, "default")["endpoint_url"]


def test_a_section_without_settings_and_one_that_is_not_there_differ():
    assert {} == read_profile(FILE, "plugins")
    assert None is read_profile(FILE, "profile absent")


def test_a_quoted_section_is_found():
    assert {"a": "1"} == read_profile("[profile 'two words']\na = 1\n", "profile two words")


def test_a_file_without_a_last_newline_and_an_empty_one_are_taken_as_they_are():
    assert "[a]\nx = 1\n" == with_profile("", "a", {"x": "1"})
    assert "[a]\nx = 1\ny = 2\n" == with_profile("[a]\nx = 1", "a", {"y": "2"})


_NAMES = st.sampled_from(["region", "output", "endpoint_url", "aws_access_key_id"])
_VALUES = st.text("abcXYZ019/+=._-", min_size=1, max_size=12)
_SECTIONS = st.sampled_from(["default", "profile a", "profile b"])


@given(st.lists(st.tuples(_SECTIONS, st.dictionaries(_NAMES, _VALUES, max_size=4)), max_size=6))
def test_what_was_written_last_is_what_is_read_and_other_sections_stay(writes):
    text, wanted = FILE, {}
    for section, values in writes:
        text = with_profile(text, section, values)
        wanted.setdefault(section, {}).update(values)
    for section, values in wanted.items():
        found = read_profile(text, section)
        assert values == {name: found[name] for name in values}
    assert "arn:aws:iam::111122223333:role/x" == read_profile(text, "profile work")["role_arn"]


def test_a_private_file_is_its_owners_alone_even_if_it_was_not_before(tmp_path):
    path = tmp_path / "new" / "credentials"
    write_private(path, "a")
    path.chmod(0o644)
    write_private(path, "b")
    assert (0o600, "b") == (stat.S_IMODE(path.stat().st_mode), path.read_text())
    assert ["credentials"] == [each.name for each in path.parent.iterdir()]


def test_a_link_stays_a_link(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("a")
    link.symlink_to(real)
    write_private(link, "b")
    assert link.is_symlink()
    assert "b" == real.read_text()


def test_a_file_that_is_not_there_reads_empty(tmp_path):
    assert "" == read_text(tmp_path / "absent")
