"""The period of a budget: from local midnight to local midnight, whatever the clock does between."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from werkplaats_spawners.period import Period, begin, end

#: As POSIX writes it, so that no zone database is needed.
AMSTERDAM: Final = "CET-1CEST,M3.5.0,M10.5.0/3"
PERIODS: Final[tuple[Period, ...]] = get_args(Period)


@contextmanager
def clock_of(zone: str) -> Iterator[None]:
    """Let the machine's clock be that of `zone`."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@pytest.mark.parametrize(
    ("period", "now", "began", "ends"),
    [
        ("monthly", "2026-11-21T03:00", "2026-11-01T00:00+01:00", "2026-12-01T00:00+01:00"),
        ("monthly", "2026-12-31T23:59", "2026-12-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("monthly", "2027-01-01T00:00", "2027-01-01T00:00+01:00", "2027-02-01T00:00+01:00"),
        ("monthly", "2026-03-01T00:00", "2026-03-01T00:00+01:00", "2026-04-01T00:00+02:00"),
        ("monthly", "2026-03-29T03:00", "2026-03-01T00:00+01:00", "2026-04-01T00:00+02:00"),
        ("monthly", "2026-10-25T02:30", "2026-10-01T00:00+02:00", "2026-11-01T00:00+01:00"),
        ("monthly", "2028-02-29T12:00", "2028-02-01T00:00+01:00", "2028-03-01T00:00+01:00"),
        ("quarterly", "2026-01-01T00:00", "2026-01-01T00:00+01:00", "2026-04-01T00:00+02:00"),
        ("quarterly", "2026-03-31T23:59", "2026-01-01T00:00+01:00", "2026-04-01T00:00+02:00"),
        ("quarterly", "2026-04-01T00:00", "2026-04-01T00:00+02:00", "2026-07-01T00:00+02:00"),
        ("quarterly", "2026-08-15T12:00", "2026-07-01T00:00+02:00", "2026-10-01T00:00+02:00"),
        ("quarterly", "2026-12-31T23:59", "2026-10-01T00:00+02:00", "2027-01-01T00:00+01:00"),
        ("yearly", "2026-07-01T12:00", "2026-01-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("yearly", "2026-12-31T23:59", "2026-01-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("yearly", "2027-01-01T00:00", "2027-01-01T00:00+01:00", "2028-01-01T00:00+01:00"),
    ],
)
def test_periods_by_hand(period: Period, now: str, began: str, ends: str) -> None:
    """Each end has the offset of its own season, also when now is in the other one, and across New Year."""
    with clock_of(AMSTERDAM):
        moment = datetime.fromisoformat(now)
        assert begin(period, moment).isoformat(timespec="minutes") == began
        assert end(period, moment).isoformat(timespec="minutes") == ends


@pytest.mark.parametrize(
    ("period", "began", "ends"),
    [
        ("monthly", "2026-10-01T00:00+00:00", "2026-11-01T00:00+00:00"),
        ("quarterly", "2026-10-01T00:00+00:00", "2027-01-01T00:00+00:00"),
        ("yearly", "2026-01-01T00:00+00:00", "2027-01-01T00:00+00:00"),
    ],
)
def test_a_machine_on_universal_time(period: Period, began: str, ends: str) -> None:
    """Where the machine keeps UTC so does Slurm, and so do the periods."""
    with clock_of("UTC0"):
        moment = datetime.fromisoformat("2026-10-31T23:30:00")
        assert begin(period, moment).isoformat(timespec="minutes") == began
        assert end(period, moment).isoformat(timespec="minutes") == ends


def test_a_moment_of_another_zone_is_the_machines_own() -> None:
    """The last minutes of a month in UTC are already the next month in the Netherlands."""
    moment = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    with clock_of(AMSTERDAM):
        assert begin("monthly", moment).isoformat() == "2026-11-01T00:00:00+01:00"
    with clock_of("UTC0"):
        assert begin("monthly", moment).isoformat() == "2026-10-01T00:00:00+00:00"


def test_a_month_in_which_the_clock_changes_is_an_hour_off() -> None:
    """March is an hour shorter and October an hour longer: what a share comes to follows the clock."""
    with clock_of(AMSTERDAM):
        for month, hours in ((3, 31 * 24 - 1), (10, 31 * 24 + 1), (5, 31 * 24)):
            moment = datetime(2026, month, 15)
            assert end("monthly", moment) - begin("monthly", moment) == timedelta(hours=hours)


@given(
    st.sampled_from(PERIODS),
    st.sampled_from([AMSTERDAM, "UTC0"]),
    st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
)
@example("monthly", AMSTERDAM, datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
@example("monthly", AMSTERDAM, datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC))
@example("yearly", AMSTERDAM, datetime(2026, 12, 31, 22, 59, 59, 999999, tzinfo=UTC))
@example("yearly", AMSTERDAM, datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
def test_every_moment_is_in_one_period(period: Period, zone: str, now: datetime) -> None:
    """A period holds its moment, begins and ends at local midnight, and the next begins at its end."""
    with clock_of(zone):
        began, ends = begin(period, now), end(period, now)
        assert began <= now < ends
        for edge in (began, ends):
            assert (edge.day, edge.hour, edge.minute, edge.second, edge.microsecond) == (1, 0, 0, 0, 0)
            assert edge == datetime(edge.year, edge.month, 1).astimezone(), "with the offset of that day"
        assert begin(period, ends) == ends
        assert begin(period, began) == began
        assert end(period, began - timedelta(microseconds=1)) == began
