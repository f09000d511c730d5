"""Credentials in URLs, which no text shows."""

from __future__ import annotations

import pytest

from understudy_aws.core.urls import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://mary:token@host/a.git", "https://***@host/a.git"),
        ("fatal: unable to access 'https://token@host:8080/a/': no", "fatal: unable to access 'https://***@host:8080/a/': no"),
        ("https://mary:to@ken@host/a", "https://***@host/a"),
        ("https://mary:to/ken@host/a", "https://***@host/a"),
        ("https://mary:to@/ken@host/a", "https://***@host/a"),
        ("https://token@/a", "https://***@/a"),
        ("mary:token@host/a", "***@host/a"),
        ("ssh://git@host/a", "ssh://***@host/a"),
        ("https://a:b@c/d https://e:f@g/h", "https://***@c/d https://***@g/h"),
    ],
)  # fmt: skip
def test_credentials_are_starred(text, shown):
    assert without_credentials(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://host/a.git",
        "https://host:8080/@scope/a",
        "file:///home/mary@example/a",
        "git@host:a/b",
        "no@url",
        "",
    ],
)
def test_what_has_none_stays(text):
    assert without_credentials(text) is text or without_credentials(text) == text
