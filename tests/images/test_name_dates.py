"""Dates in the names of files: as cameras and messengers write them, and numbers that are none."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.images.name_dates import date_in_name

WITH_TIME = (
    "IMG_%Y%m%d_%H%M%S.jpg",
    "IMG%Y%m%d%H%M%S.jpg",
    "PXL_%Y%m%d_%H%M%S789.jpg",
    "PXL_%Y%m%d_%H%M%S789.MP.jpg",
    "Screenshot_%Y%m%d-%H%M%S.png",
    "%Y%m%d_%H%M%S.jpg",
    "%Y%m%d_%H%M%S(1).jpg",
    "VID_%Y%m%d_%H%M%S_HDR.jpg",
    "%Y-%m-%d %H.%M.%S.jpg",
    "%Y-%m-%d %H.%M.%S-2.jpg",
    "photo_%Y-%m-%d_%H-%M-%S.jpg",
    "signal-%Y-%m-%d-%H%M%S.jpg",
    "Screenshot from %Y-%m-%d %H-%M-%S.png",
    "Screenshot %Y-%m-%d at %I.%M.%S %p.png",
    "Screenshot_%Y-%m-%d-%H-%M-%S-123_com.app.png",
    "WhatsApp Image %Y-%m-%d at %H.%M.%S.jpeg",
    "WIN_%Y%m%d_%H_%M_%S_Pro.jpg",
    "C360_%Y-%m-%d-%H-%M-%S-123.jpg",
    "%Y-%m-%dT%H:%M:%S.jpg",
)
WITHOUT = (
    "IMG-%Y%m%d-WA0001.jpg",
    "%Y%m%d.jpg",
    "%Y-%m-%d (2).jpg",
    "%Y.%m.%d party.jpg",
    "DSC_%Y_%m_%d_1.jpg",
    "%Y%m%d_999999.jpg",
)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


@given(moments, st.sampled_from(WITH_TIME))
def test_a_date_and_its_time_are_found(moment: datetime, written: str) -> None:
    assert date_in_name(moment.strftime(written)) == moment.isoformat()


@given(moments, st.sampled_from(WITHOUT))
def test_a_date_alone_has_no_time(moment: datetime, written: str) -> None:
    assert date_in_name(moment.strftime(written)) == moment.date().isoformat()


@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(
            st.sampled_from(
                [*"0123456789-_.: TWA", "2023", "19", "20", "05", "31", "12", "IMG", " at ", "PM"]
            ),
            max_size=14,
        ).map("".join),
    )
)
@example("20230501")
@example("1826-01-01")
def test_what_is_found_is_a_real_day_that_stands_in_the_name(name: str) -> None:
    found = date_in_name(name)
    if found:
        day = datetime.fromisoformat(found).date()
        assert date(1826, 1, 1) <= day <= date(2099, 12, 31)
        assert re.search(day.strftime(r"%Y(?P<sign>[-_.]?)%m(?P=sign)%d"), name)


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)), st.integers(0, 9), st.booleans())
def test_one_more_digit_makes_a_number(day: date, digit: int, before: bool) -> None:
    digits = day.strftime("%Y%m%d")
    longer = f"{digit}{digits}" if before else f"{digits}{digit}"
    assert date_in_name(f"{longer}.jpg") == ""


@pytest.mark.parametrize(
    "name",
    [
        "12345678.jpg",
        "20231301.jpg",
        "20230229_123000.jpg",
        "2023-02-30.jpg",
        "2023-0501.jpg",
        "20230501999999.jpg",
        "2023050112300012345.jpg",
        "19520714.jpg",
        "a20230501b.jpg",
        "3f20230501.jpg",
        "1.2023.05.01.jpg",
        "FB_IMG_1682940000000.jpg",
        "IMG_0001.jpg",
        "",
    ],
)
def test_numbers_are_no_dates(name: str) -> None:
    assert date_in_name(name) == ""


def test_scanned_pictures_are_old_and_the_first_date_counts() -> None:
    assert date_in_name("1952-07-14 wedding.jpg") == "1952-07-14"
    assert date_in_name("1799-07-14.jpg") == ""
    assert date_in_name("2023-05-01 copy of 2020-01-01.jpg") == "2023-05-01"
    assert date_in_name("20239901 2020-01-01 \udcff.jpg") == "2020-01-01"


def test_half_days() -> None:
    noon = datetime(2023, 5, 1, 12)  # noqa: DTZ001
    for hours in range(24):
        moment = noon + timedelta(hours=hours)
        name = f"Screenshot {moment:%Y-%m-%d} at {moment:%I}.00.00\u202f{moment:%p}.png"
        assert date_in_name(name) == moment.isoformat()
    assert date_in_name("Screenshot 2023-05-01 at 13.00.00 PM.png") == "2023-05-01"
