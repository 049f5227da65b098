"""The weather in the home's city, in one line."""

from typing import Any

from runner.session.sources import sky
from runner.session.sources.base import Ask, MissingError, Source, one_line


def in_words(answer: dict[str, Any]) -> str:
    """Condition, temperature and wind of the service's answer."""
    try:
        current = answer["current_condition"][0]
        condition = one_line(current["weatherDesc"][0]["value"], 60)
        degrees, wind = round(float(current["temp_C"])), round(float(current["windspeedKmph"]))
        heading = one_line(current.get("winddir16Point") or "", 4)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise MissingError("the weather service's answer has another form than expected") from None
    if not condition or condition == "Unknown location":
        raise MissingError("the weather service does not know the city")
    return f"{condition}, {degrees:+d}°C, wind {wind} km/h {heading}".rstrip()


async def gather(ask: Ask) -> str:
    answer = await sky.forecast(ask)
    if answer is None:
        return ""
    return f"{ask.settings.resident.city}: {in_words(answer)}"


SOURCE = Source("weather", gather, fallback="The weather is unavailable just now.", within=8.0, remote=True)
