"""Settings: from the environment and by name, each checked, and none overlooked because it is misspelt."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy_aws.cli.options import _OPTIONS
from understudy_aws.core.errors import UserError
from understudy_aws.settings import CHOICES, DEFAULTS, RANGES, Settings, read
from understudy_aws.testing import Understudy


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("UNDERSTUDY_STAT", "did you mean UNDERSTUDY_STATE?"),
        ("UNDERSTUDY_CLOK", "did you mean UNDERSTUDY_CLOCK?"),
        ("UNDERSTUDY_TLS_CERT", "did you mean UNDERSTUDY_TLS_CERTIFICATE?"),
    ],
)
def test_a_misspelt_variable_is_an_error_with_the_nearest_name(variable, meant):
    with pytest.raises(UserError) as refused:
        read({variable: "x"})
    assert f"{variable} in the environment is no setting; {meant}" == str(refused.value)


def test_a_variable_like_no_setting_is_told_all_there_are():
    with pytest.raises(UserError, match=r"UNDERSTUDY_ACCOUNT, .*UNDERSTUDY_TRAIL"):
        read({"UNDERSTUDY_XYZ": "x"})


def test_a_misspelt_keyword_is_an_error_with_the_nearest_name():
    with pytest.raises(UserError, match=r"There is no setting 'clok'; did you mean clock\?"):
        Understudy(clok="aws")


def test_the_variable_that_shows_traces_is_known():
    assert "strict" == read({"UNDERSTUDY_DEBUG": "1"}).iam


def test_an_empty_variable_is_one_that_is_not_set():
    given = {f"UNDERSTUDY_{name.upper()}": "" for name in DEFAULTS}
    assert read({"HOME": "/home/ann"}) == read({"HOME": "/home/ann", **given})


@pytest.mark.parametrize(("name", "bounds"), RANGES.items())
def test_numbers_have_ranges(name, bounds):
    least, most = bounds
    assert [least, most] == [getattr(read({}, **{name: value}), name) for value in bounds]
    for wrong in (least - 1, most + 1, "1.5", "x", "1_0", "٣"):
        with pytest.raises(UserError, match=f"^{name} must be a whole number from {least} to {most}, not"):
            read({}, **{name: wrong})


def test_every_number_has_a_range_and_every_word_is_chosen_or_free():
    numbers = {name for name, value in DEFAULTS.items() if type(value) is int}
    assert numbers == set(RANGES)
    assert {"tls"} == {name for name, value in DEFAULTS.items() if type(value) is bool}
    assert {"iam", "clock", "synchronous"} == set(CHOICES)


@pytest.mark.parametrize("name", CHOICES)
def test_a_word_that_is_no_choice_is_told_the_choices(name):
    with pytest.raises(UserError, match=f"^UNDERSTUDY_{name.upper()}: {name} must be .* or .*, not 'lax'"):
        read({f"UNDERSTUDY_{name.upper()}": "lax"})


def test_a_switch_is_on_or_off():
    assert [True, True, False, False] == [
        read({"UNDERSTUDY_TLS": word}).tls for word in ("1", "True", "off", "no")
    ]
    with pytest.raises(UserError, match=r"^UNDERSTUDY_TLS: tls must be true or false, not 'maybe'"):
        read({"UNDERSTUDY_TLS": "maybe"})


@pytest.mark.parametrize("host", ["http://x", "a b", "127.0.0.1/8"])
def test_a_host_that_is_none(host):
    with pytest.raises(UserError, match="host must be an address or a name"):
        read({}, host=host)


@pytest.mark.parametrize("names", ["nope", "a.amazonaws.com b.amazonaws.com", "*", "a.amazonaws.com,,"])
def test_service_principals_have_their_form(names):
    with pytest.raises(UserError, match="known_service_principals must be names such as "):
        read({}, known_service_principals=names)


def test_every_setting_is_an_option_and_a_variable():
    assert set(Settings._fields) == set(_OPTIONS)
    values = {"host": "::1", "port": "1", "account": "111122223333", "trail": "5", "iam": "soft"}
    made = read({f"UNDERSTUDY_{name.upper()}": value for name, value in values.items()})
    assert list(values.values()) == [str(getattr(made, name)) for name in values]


class TestPaths:
    def test_they_become_absolute(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        made = read({"UNDERSTUDY_STATE": "kept"}, tls_certificate="pem")
        assert (str(tmp_path / "kept"), str(tmp_path / "pem")) == (made.state, made.tls_certificate)

    def test_memory_is_no_path(self):
        assert "memory:" == read({}, state="memory:").state

    @pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "relative"}, {"XDG_STATE_HOME": "x"}])
    def test_without_a_usable_home_it_is_the_users_own(self, environment):
        state = Path(read(environment).state)
        assert state.is_absolute()
        assert "understudy" == state.name

    def test_the_state_home_is_followed(self):
        assert "/s/understudy" == read({"XDG_STATE_HOME": "/s", "HOME": "/h"}).state
        assert "/h/.local/state/understudy" == read({"HOME": "/h"}).state


def test_requests_to_services_are_taken_at_4567_unless_the_state_is_in_memory():
    """A state in memory is one of many, as in tests: each has a port of its own."""
    assert read({"UNDERSTUDY_STATE": "/kept"}).ingress_address == ("127.0.0.1", 4567)
    assert read({}, state="memory:").ingress_address == ("127.0.0.1", 0)
    assert read({}, state="memory:", ingress="[::1]:81").ingress_address == ("::1", 81)
    assert read({"UNDERSTUDY_INGRESS": "0.0.0.0:0"}, state="/kept").ingress_address == ("0.0.0.0", 0)


@pytest.mark.parametrize(
    "place", ["4567", ":4567", "localhost:4567", "127.0.0.1", "127.0.0.1:", "::1:80", "1.2.3.4:65536"]
)
def test_requests_to_services_are_taken_at_an_address(place):
    with pytest.raises(UserError, match="ingress must be an address and a port such as "):
        read({}, state="/kept", ingress=place)
