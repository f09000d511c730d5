"""Trees of files that others have made, measured and removed whatever they are."""

from __future__ import annotations

import os

import pytest

from understudy_aws.dataplane.runtime.file_trees import DEEPEST, TooDeepError, remove_tree, size_of


def nested(place, depth: int) -> None:
    """Make directories in one another, of which no path leads to the innermost when they are many."""
    here = os.open(place, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 20, dir_fd=here)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


def test_what_lies_deeper_than_any_path_is_removed(tmp_path):
    place = tmp_path / "tree"
    place.mkdir()
    nested(place, 1500)
    with pytest.raises(TooDeepError):
        size_of(place)
    remove_tree(place)
    assert list(tmp_path.iterdir()) == []


def test_a_tree_as_deep_as_it_may_be_is_measured(tmp_path):
    nested(tmp_path, DEEPEST)
    assert size_of(tmp_path) >= DEEPEST * 1024


def test_directories_that_may_not_be_written_and_names_that_are_in_the_way_are_removed(tmp_path):
    place = tmp_path / "tree"
    for name in ("0/1/2", "1/0", "locked/0"):
        (place / name).mkdir(parents=True)
        (place / name / "file").touch()
    (place / "locked").chmod(0)
    (place / "0").chmod(0o500)
    place.chmod(0o500)
    remove_tree(place)
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_followed(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_bytes(b"x" * 100_000)
    place = tmp_path / "tree"
    (place / "inner").mkdir(parents=True)
    for where in (place, place / "inner"):
        (where / "link").symlink_to(kept)
    assert size_of(place) < 50_000
    remove_tree(place)
    (tmp_path / "tree").symlink_to(kept)
    remove_tree(tmp_path / "tree")
    assert (kept / "file").stat().st_size == 100_000


def test_empty_files_and_directories_take_some_of_a_disk_and_what_is_linked_twice_counts_once(tmp_path):
    for number in range(50):
        (tmp_path / f"{number}").touch()
    empty = size_of(tmp_path)
    assert empty >= 50 * 1024
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    once = size_of(tmp_path)
    (tmp_path / "again").hardlink_to(tmp_path / "large")
    assert size_of(tmp_path) == once


def test_what_is_not_there_is_no_error(tmp_path):
    remove_tree(tmp_path / "none")
    assert size_of(tmp_path / "none") == 0
