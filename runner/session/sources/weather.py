"""The weather in the home's city, in one line.

The service's words stand in the system prompt outside of every block, so none comes in but those of weather.
"""

import re
from typing import Any

from runner.session.sources import sky
from runner.session.sources.base import Ask, MissingError, Source, one_line

SKY = frozenset(
    """
    a and at areas blizzard blowing clear cloudy drifting drizzle dust fog freezing hail haze heavy ice in intervals
    isolated light low mist moderate nearby occasional of or outbreaks overcast partial partly patchy patches pellets
    possible rain sand scattered shallow shower showers sleet small smoke snow squall sunny the thunder thunderstorm
    thunderstorms thundery times torrential vicinity widespread with
    """.split()  # noqa: SIM905 - a table of words reads better as text
)
HEADINGS = frozenset("N NNE NE ENE E ESE SE SSE S SSW SW WSW W WNW NW NNW".split())  # noqa: SIM905 - as above


def in_words(answer: dict[str, Any]) -> str:
    """Condition, temperature and wind of the service's answer."""
    try:
        current = answer["current_condition"][0]
        condition = one_line(current["weatherDesc"][0]["value"], 60)
        degrees, wind = round(float(current["temp_C"])), round(float(current["windspeedKmph"]))
        heading = str(current.get("winddir16Point"))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise MissingError("the weather service's answer has another form than expected") from None
    if not condition or condition == "Unknown location":
        raise MissingError("the weather service does not know the city")
    known = SKY.issuperset(re.split(r"[ ,/-]+", condition.lower().strip()))
    told = [condition] if known else []
    return ", ".join([*told, f"{degrees:+d}°C", f"wind {wind} km/h {heading if heading in HEADINGS else ''}".rstrip()])


async def gather(ask: Ask) -> str:
    answer = await sky.forecast(ask)
    if answer is None:
        return ""
    return f"{ask.settings.resident.city}: {in_words(answer)}"


SOURCE = Source("weather", gather, fallback="The weather is unavailable just now.", within=8.0, remote=True)
