"""All hostile texts in every place of both prompts, for every kind of session, said to the real CLI and to the SDK."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from tests.runner.session.backends.test_cli_mentions import KINDS, leaked
from tests.support.mentions import texts

TOGETHER = 20
"""So many fit whole into the place of a prompt that holds least."""


def main(argv: Sequence[str]) -> int:
    """Run it and print what was counted; a secret in any request, or shown to the public, is an AssertionError."""
    parser = argparse.ArgumentParser(prog="soak_words", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    sessions = said = 0
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        number_of_texts = len(texts(base))
        for first in range(0, number_of_texts, TOGETHER):
            for kind in KINDS:
                for by_cli in (True, False):
                    place = base / f"{first}-{kind}-{by_cli}"
                    place.mkdir()
                    words = texts(place / "home")[first : first + TOGETHER]
                    found, asked = trio.run(partial(leaked, place, kind, words, by_cli=by_cli))
                    assert found == [], (kind, by_cli, words)
                    sessions, said = sessions + 1, said + asked.count("@")
    figures = {
        "texts": number_of_texts,
        "kinds": len(KINDS),
        "sessions": sessions,
        "signs said": said,
        "bytes leaked": 0,
    }
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"words  {name:14} {value}")
    return 0
