"""Where the program's own data files are: beside the package in a checkout, inside it when installed from a wheel."""

from pathlib import Path

from runner.errors import ResourceMissing

__all__ = ["config_dir", "find", "prompts_dir"]


def config_dir() -> Path:
    """The folder with default.toml, schedule.toml and the pages a new home starts with."""
    return find("config")


def prompts_dir() -> Path:
    """The folder with the prompt templates."""
    return find("prompts")


def find(name: str, *, package: Path | None = None) -> Path:
    """The folder called *name*. The wheel's copy comes first: beside an installed package may lie anybody's folder."""
    package = package or Path(__file__).resolve().parent
    places = (package / "_shipped" / name, package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise ResourceMissing(
        f"the program's folder {name!r} is missing; looked in {places[0]} and {places[1]}: install the program again"
    )
