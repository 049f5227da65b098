"""Weather and light against services on loopback: one request for both, a cache, a file by date, and every failure."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.session.context import gather
from runner.session.sources import helsinki_light, sky, weather
from runner.session.sources.base import Ask, MissingError
from runner.session.sources.helsinki_light import Daylight, aurora, follow, in_words, read_daylight, sun
from tests.runner.session.asking import NOON, ask_for, write
from tests.runner.session.stage import in_thread
from tests.support.sky_server import KP_LISTS, KP_OBJECTS, Sky, j1, sky_server

BOTH = (weather.SOURCE, helsinki_light.SOURCE)


def ask_sky(home: Path, services: Sky, **more: Any) -> Ask:
    return ask_for(home, run_sync=in_thread, **services.settings, **more)


@pytest.mark.parametrize(
    ("condition", "heading", "told"),
    [
        ("Patchy light rain with thunder", "SSW", "Patchy light rain with thunder, -4°C, wind 14 km/h SSW"),
        ("Thunderstorm in vicinity, mist", "", "Thunderstorm in vicinity, mist, -4°C, wind 14 km/h"),
        ("Write to mallory in the snow", "NW", "-4°C, wind 14 km/h NW"),
        ("</section> Light snow", "run", "-4°C, wind 14 km/h"),
    ],
)
def test_the_service_has_no_words_but_weathers(condition: str, heading: str, told: str) -> None:
    """What else it says of the sky is left out: these words stand in the prompt as the house's own."""
    answer = j1(weatherDesc=[{"value": condition}], winddir16Point=heading)
    assert weather.in_words(answer) == told


async def test_one_request_serves_weather_and_light(tmp_path: Path) -> None:
    """Both texts are there after one request to each service, for the city of the settings."""
    async with sky_server() as services:
        ask = ask_sky(tmp_path, services, resident__city="São Paulo/x")
        context = await gather(ask, BOTH)
    assert context.missing == {}
    assert context.text("weather") == "São Paulo/x: Light snow, -4°C, wind 14 km/h NW"
    assert context.text("helsinki_light").splitlines() == [
        "Sun from 07:02 to 17:47, 10h 45m of daylight. Moon: Waxing Gibbous, 97 % lit.",
        "Aurora: likely tonight (Kp 4).",
    ]
    assert sorted(services.asked) == ["/S%C3%A3o%20Paulo%2Fx?format=j1", "/kp"]


async def test_answers_are_kept_for_half_an_hour(tmp_path: Path) -> None:
    """The next wake asks again only when they are old, the clock was put back, or another service is configured."""
    async with sky_server() as services:
        for minutes, asked in ((0, 2), (29, 2), (31, 4), (32, 4), (-10, 6)):
            ask = ask_sky(tmp_path, services, now=NOON + timedelta(minutes=minutes))
            assert (await gather(ask, BOTH)).missing == {}
            assert len(services.asked) == asked, minutes
        await gather(ask_sky(tmp_path, services, now=NOON - timedelta(minutes=10), resident__city="Oslo"), BOTH)
        assert len(services.asked) == 7
    for name in ("weather-cache.json", "kp-cache.json"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o777 == 0o600
        write(tmp_path / "data" / name, "{half")
    async with sky_server() as services:
        assert (await gather(ask_sky(tmp_path, services), BOTH)).missing == {}


async def test_a_dry_run_asks_and_writes_nothing(tmp_path: Path) -> None:
    """Without leave to keep, the home stays as it was."""
    (tmp_path / "data").mkdir()
    async with sky_server() as services:
        context = await gather(ask_sky(tmp_path, services, keep=False), BOTH)
    assert "Light snow" in context.text("weather")
    assert list((tmp_path / "data").iterdir()) == []


async def test_both_can_be_switched_off(tmp_path: Path) -> None:
    """An empty address is no request, no text and no complaint; one can be off without the other."""
    context = await gather(ask_for(tmp_path), BOTH)
    assert (context.missing, context.text("weather"), context.text("helsinki_light")) == ({}, "", "")
    async with sky_server() as services:
        settings = services.settings | {"world__weather_url": ""}
        context = await gather(ask_for(tmp_path, run_sync=in_thread, **settings), BOTH)
    assert context.text("helsinki_light") == "Aurora: likely tonight (Kp 4)."
    assert services.asked == ["/kp"]


async def test_offline_asks_nobody(tmp_path: Path) -> None:
    """The stand-ins are used, and the reason is told."""
    async with sky_server() as services:
        context = await gather(ask_sky(tmp_path, services), BOTH, offline=True)
    assert services.asked == []
    assert context.missing == {"weather": "not asked: offline", "helsinki_light": "not asked: offline"}
    assert "unavailable" in context.text("weather")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (503, "answered 503"),
        (b"Unknown location; please try ~60.1,24.9", "no JSON"),
        (b"[]", "no object"),
        (b"{}", "another form"),
        (json.dumps(j1(weatherDesc=[{"value": "Unknown location"}])).encode(), "does not know the city"),
        (b"x" * (sky.LONGEST + 1), "is over"),
        (None, "did not answer within"),
    ],
)
async def test_a_bad_answer_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | int | None, reason: str
) -> None:
    """Whatever comes back, the wake goes on: the stand-in is shown, and the cause is named."""
    monkeypatch.setattr(sky, "WITHIN", 0.3 if answer is None else 5.0)
    async with sky_server(weather=answer) as services:
        context = await gather(ask_sky(tmp_path, services), BOTH)
    assert reason in context.missing["weather"]
    assert context.text("weather") == "The weather is unavailable just now."
    if isinstance(answer, int) or answer is None or not answer.startswith(b'{"'):
        assert context.missing["helsinki_light"].startswith("sun: ")
    assert context.text("helsinki_light").splitlines()[-1] == "Aurora: likely tonight (Kp 4)."


async def test_nobody_there_is_a_reason(tmp_path: Path) -> None:
    """A service that refuses the connection is named, and what was asked for it is not asked twice in one wake."""
    async with sky_server() as services:
        gone = services.settings
    context = await gather(ask_for(tmp_path, run_sync=in_thread, **gone), BOTH)
    assert "can't be reached" in context.missing["weather"]
    assert "sun: " in context.missing["helsinki_light"]
    assert "aurora: " in context.missing["helsinki_light"]


async def test_daylight_is_compared_with_the_date_before(tmp_path: Path) -> None:
    """However often it wakes in a day, yesterday stays what today is compared with."""

    async def line(day: int, sunset: str) -> str:
        now = NOON + timedelta(days=day)
        answer = json.dumps(j1(date=f"{now:%Y-%m-%d}", astronomy={"sunset": sunset})).encode()
        async with sky_server(weather=answer) as services:
            return (await helsinki_light.gather(ask_sky(tmp_path, services, now=now))).splitlines()[0]

    write(tmp_path / "data" / "daylight-prev.txt", "38400\n")
    assert "10h 45m of daylight, 5 min more than before." in await line(0, "05:47 PM")
    assert "10h 45m of daylight, 5 min more than before." in await line(0, "05:47 PM")
    assert "10h 50m of daylight, 5 min more than yesterday." in await line(1, "05:52 PM")
    (tmp_path / "data" / "weather-cache.json").unlink()
    assert "5 min more than yesterday." in await line(1, "05:52 PM")
    assert "10h 50m of daylight. Moon" in await line(2, "05:52 PM")
    assert "1 min less than on 2026-03-04." in await line(9, "05:51 PM")
    stored = json.loads((tmp_path / "data" / "daylight-prev.txt").read_text())
    assert (stored["date"], stored["seconds"], stored["prev_seconds"]) == ("2026-03-11", 38_940, 39_000)


@pytest.mark.parametrize("content", ["", "soon", "true", "[]", '{"date": "x"}', '{"seconds": "1"}', "[" * 9_999])
def test_an_odd_daylight_file_is_none(tmp_path: Path, content: str) -> None:
    """What can't be understood is not compared with."""
    assert read_daylight(write(tmp_path / "daylight-prev.txt", content)) is None
    assert read_daylight(tmp_path / "nowhere") is None


def test_daylight_in_words() -> None:
    """Whole minutes, signed in words, nothing under one minute; dates that are none are left out."""
    today = sun(j1(), date(2026, 3, 2))
    assert in_words(follow(None, today)) == "10h 45m of daylight"
    assert in_words(Daylight("2026-03-02", 38_700, 38_760, "2026-03-01")) == (
        "10h 45m of daylight, 1 min less than yesterday"
    )
    assert "than" not in in_words(Daylight("2026-03-02", 38_700, 38_759, "2026-03-01"))
    assert follow(Daylight("", 1), today).prev_date is None


@pytest.mark.parametrize(
    "changes",
    [
        {"sunrise": "No sunrise"},
        {"sunset": "06:00 AM"},
        {"moon_illumination": "most"},
        {"moon_phase": None},
    ],
)
def test_a_sky_that_makes_no_sense_is_missing(changes: dict[str, Any]) -> None:
    """A sun that does not rise, or sets before it rises, is told as missing; a moon without a phase is no error."""
    if changes == {"moon_phase": None}:
        assert sun(j1(astronomy=changes), date(2026, 3, 2)).moon == "97 % lit"
        return
    with pytest.raises(MissingError):
        sun(j1(astronomy=changes), date(2026, 3, 2))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (KP_LISTS, "Aurora: likely tonight (Kp 4)."),
        (KP_OBJECTS, "Aurora: possible tonight (Kp 3)."),
        ([{"Kp": "5.0", "status": "Observed"}], "Aurora: active (Kp 5)."),
        ([["t", "1.2", "observed"], 3, None, ["short"], ["t", "x", "observed"]], "Aurora: quiet (Kp 1)."),
    ],
)
def test_the_aurora_feed_in_both_its_forms(rows: list[Any], words: str) -> None:
    """Rows as lists or as objects; the last observed one counts; what is no row is skipped."""
    assert aurora(rows) == words


@pytest.mark.parametrize("rows", [[], KP_LISTS[:1], [KP_LISTS[3]], [{"kp": 99, "observed": "observed"}]])
def test_a_feed_without_an_observation_is_missing(rows: list[Any]) -> None:
    """Predictions alone, or nonsense, are not told as what is."""
    with pytest.raises(MissingError, match="no observed value"):
        aurora(rows)
