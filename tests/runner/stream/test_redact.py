"""Redaction: known shapes, configured values, and text that is still arriving."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.stream.redact import MARK, Redactor

SECRETS = [
    "sk-ant-REDACTED",
    "sk_live_abcdefghij0123456789",
    "sk-proj-abcdefghij0123456789",
    "ses_abcdef0123456789",
    "mb_abcdef0123456789",
    "ghp_abcdefghij0123456789abcd",
    "123456789:AAabcdefghij-klmnopqrst_uvwxyz0123456",
    "Bearer abcdefghij0123456789.xyz",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_known_shapes_are_taken_out(secret: str) -> None:
    """A key of a known shape never survives, wherever it stands in a line."""
    shown = Redactor().text(f"before ({secret}) after, and {secret}")
    assert secret not in shown
    assert shown.startswith("before (")
    assert "after, and" in shown


@pytest.mark.parametrize("name", ["API_KEY", "ANTHROPIC_API_KEY", "TRUSTED_API_KEYS", "BOT_TOKEN", "WEBHOOK_SECRET"])
def test_assignments_keep_their_name_only(name: str) -> None:
    """What is assigned to a name that means a secret is taken out up to the next white space."""
    assert Redactor().text(f"{name}=hunter!2\nnext") == f"{name}={MARK}\nnext"


def test_configured_values_are_taken_out_everywhere() -> None:
    """The literal value of a configured secret disappears from text, from names and from nested values."""
    redactor = Redactor(["correct horse", "correct horse battery", "abc"])
    assert redactor.text("the correct horse battery abc") == f"the {MARK} abc"
    assert redactor.value({"correct horse": ["a correct horse", 5, None]}) == {MARK: [f"a {MARK}", 5, None]}


@pytest.mark.parametrize(
    "text", ["plain words", "a sk- that is none", "1234:5", "Bearer of news", "tokens are small", ""]
)
def test_ordinary_text_stays(text: str) -> None:
    """What only resembles a secret is left as it is."""
    assert Redactor(["another secret"]).text(text) == text


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([*SECRETS, "API_KEY = zzz", "the literal one"]), st.text(max_size=12)), max_size=6
    ),
    st.lists(st.integers(1, 9), min_size=1, max_size=30),
)
def test_pieces_shown_as_they_arrive_never_leak(parts: list[str], sizes: list[int]) -> None:
    """However text is cut on its way, what was shown of it is the redacted whole."""
    redactor = Redactor(["the literal one"])
    text = " ".join(parts)
    waiting, shown, at, number = "", "", 0, 0
    while at < len(text):
        size = sizes[number % len(sizes)]
        waiting += text[at : at + size]
        at, number = at + size, number + 1
        settled = redactor.settled(waiting)
        shown += redactor.text(waiting[:settled])
        waiting = waiting[settled:]
    shown += redactor.text(waiting)
    assert shown == redactor.text(text)


def test_long_text_is_redacted_in_portions_without_a_gap() -> None:
    """A secret on the border of two portions is taken out like any other."""
    redactor = Redactor()
    secret = SECRETS[0]
    text = ("word " * 13_105) + secret + (" word" * 30_000) + secret
    shown = redactor.text(text)
    assert "sk-ant" not in shown
    assert shown.count(MARK) == 2
    assert len(redactor.text("x" * 300_000)) == 300_000


def test_clipping_never_cuts_a_secret_in_two() -> None:
    """Cutting comes after redaction in effect: half a key is not shown."""
    text = "a" * 90 + " " + SECRETS[0]
    assert "sk-ant" not in Redactor().clipped(text, 100)
    assert Redactor().clipped("short", 100) == "short"
