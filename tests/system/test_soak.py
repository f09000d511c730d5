"""The soak finds what climbs; a short one of a real server finds nothing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("soak", ROOT / "tools" / "soak.py")
soak = importlib.util.module_from_spec(_SPEC)
sys.modules["soak"] = soak
_SPEC.loader.exec_module(soak)

MIB = 1024 * 1024


def looks(**climbs):
    """Twelve looks at a server that stays as it is, but for what `climbs` adds with each."""
    found = []
    for number in range(12):
        level = {"memory": 60 * MIB, "file": 8 * MIB, "log": 8 * MIB, "trail": 5000, "live": 160, "aged": 0}
        level = {name: value + climbs.get(name, 0) * number for name, value in level.items()}
        records = {"iam/user": level.pop("live"), "sts/session": level.pop("aged")}
        found.append(soak.Look(seconds=number, records=records, calls=1000 * number, waited=0.01, **level))
    return found


def test_what_stays_level_is_no_fault():
    assert [] == soak.faults(looks())


@pytest.mark.parametrize(
    ("climbs", "sentence"),
    [
        ({"memory": 10 * MIB}, "Memory climbed"),
        ({"file": 4 * MIB}, "The file climbed"),
        ({"log": 10 * MIB}, "The write-ahead log grew"),
        ({"trail": 50}, "The trail held"),
        ({"live": 50}, "The number of records climbed"),
    ],
)
def test_what_climbs_is_a_fault(climbs, sentence):
    (found,) = soak.faults(looks(**climbs))
    assert found.startswith(sentence)


def test_what_only_time_removes_explains_its_memory():
    assert [] == soak.faults(looks(aged=500, memory=500 * 2048))


@pytest.mark.system
def test_a_short_soak_finds_nothing():
    said = []
    assert [] == soak.soak(0.25, 1.0, said.append)
    assert len(said) > 5
    assert int(said[-1].split()[1]) > 100, "there were calls"
