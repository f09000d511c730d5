"""Times as texts."""

from datetime import UTC, datetime
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.clock import http_date


def test_the_example_of_the_rfc():
    """RFC 9110, 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT."""
    assert "Sun, 06 Nov 1994 08:49:37 GMT" == http_date(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC))


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_every_time_is_written_as_the_standard_library_writes_it(at):
    assert format_datetime(at, usegmt=True) == http_date(at)
