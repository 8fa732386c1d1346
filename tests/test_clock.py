"""The last day of a month, of February and of a year, to the last moment: yesterday is over and today is not."""

from datetime import UTC, date, datetime, timedelta

import pytest

from lib import settings
from lib.app import requests
from lib.app.collection import Collection
from lib.data.market import MarketError, yahoo
from lib.settings import SettingsError, consistency

MOMENTS = [
    datetime(year, month, day, *time, tzinfo=UTC)
    for year, month, day in ((2025, 1, 31), (2025, 2, 28), (2024, 2, 29), (2024, 12, 31), (2025, 1, 1), (2024, 3, 1))
    for time in ((0, 0, 0), (23, 59, 59, 999_999))
]


@pytest.fixture(params=MOMENTS, ids=str)
def moment(request, monkeypatch):
    """What every clock of the project shows."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return request.param.astimezone(tz)

    for module in (consistency, yahoo):
        monkeypatch.setattr(module, "datetime", Clock)
    return request.param


def test_a_run_may_end_yesterday_and_not_today(moment):
    today, yesterday = moment.date(), moment.date() - timedelta(days=1)
    values = {**settings.sample().plain(), "source": "yahoo"}
    assert settings.check({**values, "end_date": f"{yesterday}"}, "f").end_date == yesterday
    with pytest.raises(SettingsError, match=f"end_date is {today}, but Yahoo's last complete day is before {today}"):
        settings.check({**values, "end_date": f"{today}"}, "f")


def test_a_download_may_end_yesterday_and_not_today(moment, tmp_path, monkeypatch):
    monkeypatch.setattr(yahoo.cache, "find", lambda *asked: asked[-1])
    yesterday = moment.date() - timedelta(days=1)
    assert yahoo.read("BTC-USD", date(2023, 1, 1), yesterday, tmp_path) == yesterday
    with pytest.raises(MarketError, match=f"not over yet in UTC.* latest possible end_date is {yesterday}"):
        yahoo.read("BTC-USD", date(2023, 1, 1), moment.date(), tmp_path)


def test_a_form_names_tomorrow_as_the_future(moment):
    values = requests.defaults("yahoo", "BTC-USD", date(2020, 1, 1), moment.date() - timedelta(days=1))
    requests.check(values)
    tomorrow = moment.date() + timedelta(days=1)
    with pytest.raises(requests.RequestError, match=f"{tomorrow} is in the future. Today is {moment.date()} in UTC"):
        requests.check({**values, "end_date": f"{tomorrow}"})


def test_saved_networks_are_newest_first_across_a_year_s_end(tmp_path):
    names = ["20241231-235959-0001", "20250101-000000-0000", "20250131-235959-ffff", "20250201-000000-0000"]
    for name in names:
        (tmp_path / f"BTC-USD_CNN_{name}").mkdir()
    assert [identity.split("_")[2] for identity in Collection(tmp_path).identities()] == names[::-1]
