"""Modules imported when first used."""

import subprocess
import sys

import pytest

from understudy_aws.core.deferred import deferred, names_of


def test_a_deferred_module_is_imported_with_the_first_attribute():
    code = (
        "import sys; from understudy_aws.core.deferred import deferred\n"
        "cards = deferred('calendar'); before = 'calendar' in sys.modules\n"
        "assert cards.isleap(2000) and cards.isleap is sys.modules['calendar'].isleap\n"
        "print(before, 'isleap' in vars(cards))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "False True\n" == done.stdout


def test_what_a_deferred_module_has_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="isleep"):
        deferred("calendar").isleep  # noqa: B018 - the look-up is what is asked for


def test_a_module_that_is_not_there_is_an_import_error_when_used():
    absent = deferred("understudy_aws.no_such_module")
    with pytest.raises(ModuleNotFoundError):
        absent.anything  # noqa: B018 - the look-up is what is asked for


def test_a_packages_name_is_looked_up_in_its_module_and_kept():
    look_up = names_of("xml.etree", {"ElementTree": ("fromstring",)})
    assert "a" == look_up("fromstring")("<a/>").tag
    assert "fromstring" in vars(sys.modules["xml.etree"])
    with pytest.raises(AttributeError, match=r"module 'xml\.etree' has no attribute 'tostring'"):
        look_up("tostring")
