import sys
from types import FrameType
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.content import languages, values
from runner.content.frontmatter import ParsedPage, parse

DEEP = "[" * 9000 + "]" * 9000


def test_keys_and_text() -> None:
    """Keys are read, blank lines after the fence go, indentation and the last line end stay."""
    page = parse(b"---\ndate: '2026-01-16'\ntitle: Salt\n---\n\n \n  indented\nend\n")
    assert page == ParsedPage({"date": "2026-01-16", "title": "Salt"}, "  indented\nend\n")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("2026-01-16", "2026-01-16"),
        ('"2026-01-16"', "2026-01-16"),
        ("2026", "2026"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("No", "No"),
        ('"true"', "true"),
        ("~", None),
        ("", None),
        ('"~"', "~"),
        ("[a, 'b c', 3]", ("a", "b c", "3")),
        ("{a: 1, b}", ("a: 1", "b")),
        ("[]", None),
        ("[[a, [b]], {c: [d, e]}]", ("a", "b", "c:", "d", "e")),
        ("!wow yes", "!wow yes"),
        ("*nobody", "*nobody"),
        ("Walk #3", "Walk #3"),
        ("Walk # 3", "Walk"),
        ("a:b#c", "a:b#c"),
        ('"a: b"', "a: b"),
        ("!!str true", "true"),
    ],
)
def test_scalars_stay_as_written(line: str, value: object) -> None:
    """Unquoted dates, numbers and truth values are the text they are; a list is its texts, and only null is nothing."""
    assert parse(f"---\nx: {line}\n---\n".encode()).keys == {"x": value}


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf---\nx: 1\n---\nbody",
        b"---\r\nx: 1\r\n---\r\n\r\nbody",
        b"--- \nx: 1\n---  \nbody",
        b"---\nx: 1\nlist: [a, {b: c}]\nmap:\n  x: 2\n  y: [3]\nanchor: &a 3\nalias: *a\n---\nbody",
    ],
)
def test_tolerant_fences(data: bytes) -> None:
    """A byte order mark, CRLF, spaces after a fence and nested values do no harm."""
    page = parse(data)
    assert page.keys["x"] == "1"
    assert page.body == "body"


def test_an_empty_block_and_a_fence_at_the_end() -> None:
    """Nothing between the fences is no keys; a closing fence needs no line end."""
    assert parse(b"---\n---\nbody") == ParsedPage({}, "body")
    assert parse(b"---\n# a remark\n\n---\nbody") == ParsedPage({}, "body")
    assert parse(b"---\nx: 1\n---") == ParsedPage({"x": "1"}, "")


@pytest.mark.parametrize(
    "data",
    [
        b"no fence\n",
        b"---\n- a\n- b\n---\nbody\n",
        b"---\nx: [\n---\nbody\n",
        b"---\nplain\n---\nbody\n",
        b"---\n\nThe rain went on.\nAnd on: all day.\n\n---\nbody\n",
        b"---\nNote: I woke early.\n\nThe rain went on.\n",
        b"Note: I woke early.\n---\nThe rain went on.\n",
        b"----\ntitle: x\n----\nbody\n",
        b"---\n" + b"[" * 60_000 + b"\n---\nbody",
        b"+++\nwords\n+++\nbody",
    ],
)
def test_what_is_no_frontmatter_is_text(data: bytes) -> None:
    """Without a block of keys there are none, and no word of the text is lost."""
    page = parse(data)
    assert page.keys == {}
    assert page.body == data.decode()


@pytest.mark.parametrize(
    ("text", "keys", "body", "guessed"),
    [
        ("---\ntitle: Day 3: Noon\nx: 1\n---\nB", {"title": "Day 3: Noon", "x": "1"}, "B", "no valid YAML (line 2: "),
        ("---\ntitle: T\nthis is no key\ndate: d\n---\nB", {"title": "T", "date": "d"}, "B", "no valid YAML"),
        ("---\ntitle: T\n\tdate: d\n---\nB", {"title": "T", "date": "d"}, "B", "no valid YAML"),
        ("---\n\ttitle: T\n  date: d\n---\nB", {"title": "T", "date": "d"}, "B", "no valid YAML"),
        ('---\ntitle: "Open\ndate: d\n---\nB', {"title": "Open", "date": "d"}, "B", "no valid YAML"),
        ('---\ntitle: "A" and "B"\n---\nB', {"title": '"A" and "B"'}, "B", "no valid YAML"),
        ("---\ntitle: 'It's late'\n---\nB", {"title": "It's late"}, "B", "no valid YAML"),
        ("---\ntitle: 'It''s: late\n---\nB", {"title": "It's: late"}, "B", "no valid YAML"),
        ("---\ntitle: [draft] T\n---\nB", {"title": "[draft] T"}, "B", "no valid YAML"),
        ("---\ntitle: *T*\nmood: @home\n---\nB", {"title": "*T*", "mood": "@home"}, "B", "no valid YAML"),
        ("---\ntitle:T\n---\nB", {"title": "T"}, "B", "no valid YAML (it holds no keys)"),
        ("---\ntitle\uff1aT\n---\nB", {"title": "T"}, "B", "no valid YAML"),
        ("---\ntitle = T\n---\nB", {"title": "T"}, "B", "no valid YAML"),
        ("---\ntitle: T: U\ntags:\n  - a\n  - b\nmood:\n- c\n---\nB", {"tags": ("a", "b"), "mood": ("c",)}, "B", ""),
        ("---\ntitle: T: U\nmap:\n  title: no\n---\nB", {"title": "T: U"}, "B", "no valid YAML"),
        ("---\ntitle: T\nx: a\0b\n---\nB", {"title": "T", "x": "a\0b"}, "B", "a character that YAML doesn't allow"),
        (f"---\ntitle: T\ndeep: {DEEP}\nmood: m\n---\nB", {"title": "T", "mood": "m"}, "B", "nested too deeply"),
        ("---\ntitle: T\ndate: d\n\n# B\n", {"title": "T", "date": "d"}, "# B\n", "the closing --- of"),
        ("---\ntitle: T\nB: and more", {"title": "T", "B": "and more"}, "", "the closing --- of"),
        ("---\ntitle: T\n\nWords.\n\n---\n\nmore", {"title": "T"}, "Words.\n\n---\n\nmore", "the closing --- of"),
        ("+++\ntitle = 'T'\n\nB", {"title": "T"}, "B", "the closing +++ of"),
        ("+++\ntitle = T\nx = 1\n+++\nB", {"title": "T", "x": "1"}, "B", "no valid TOML"),
        ("title: T\ndate: d\n---\nB", {"title": "T", "date": "d"}, "B", "the opening --- of"),
        (" \n\n---\ntitle: T\n---\nB", {"title": "T"}, "B", "blank lines before the opening"),
    ],
)
def test_what_is_broken_is_read_by_its_lines(text: str, keys: dict[str, object], body: str, guessed: str) -> None:
    """Every key that a person could read is read, no word of the text is lost, and one sentence says what is wrong."""
    page = parse(text.encode())
    assert keys.items() <= page.keys.items()
    assert page.body == body
    assert len(page.guessed) == 1
    assert guessed in page.guessed[0]


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: T\n...\nB",
        "---\n# a remark\ntitle: T # another\n\n---\n\nB",
        "+++\ntitle = 'T' # another\nx = [1, {a = 2}]\n[more]\ny = 1.50\n+++\nB",
        '---\n{"title": "T", "x": [1]}\n---\nB',
        "---\n? title\n: T\n---\nB",
        "---\na: &a {title: T}\nb: &b {<<: *a}\n<<: [*b]\n---\nB",
        "---\nTitle: T\n---\nB",
    ],
)
def test_other_ways_to_write_the_same_are_no_guess(text: str) -> None:
    """Dots for the last fence, TOML between plus signs, JSON, merged mappings, capitals: each says what it says."""
    page = parse(text.encode())
    assert (page.keys["title"], page.body, page.guessed, page.odd) == ("T", "B", (), ())


def test_toml_keeps_the_words() -> None:
    """What TOML takes for days, numbers and truth values are texts again."""
    page = parse(b"+++\ndate = 2026-01-05\na = 1.50\nb = true\nc = ['x', 7]\nd = 10:30:00\n+++\n")
    assert page.keys == {"date": "2026-01-05", "a": "1.50", "b": "true", "c": ("x", "7"), "d": "10:30:00"}


@pytest.mark.parametrize(
    "block",
    [
        b"x: y\n" * 8_000,
        b"- " * 20_000,
        b"x: " + b"[" * 40_000,
        b"x: " + b"{a: " * 10_000,
        b"\n" * 40_000,
        b"title: a: b\n" * 20_000,
        b"x: &a [" + b"*a, " * 8_000 + b"]",
        b'title: "' + b"x: 'y'\n" * 20_000,
    ],
    ids=["keys", "levels", "brackets", "braces", "blank", "broken", "circles", "quotes"],
)
def test_the_time_grows_with_the_length_and_no_faster(block: bytes) -> None:
    """Much of the worst costs about as much as ten times a tenth of it: counted in lines that are executed."""
    counts = [_steps(b"---\ntitle: T\n" + part + b"\n---\nbody") for part in (block[: len(block) // 10], block)]
    assert counts[1] < 15 * counts[0] + 10 * values.MOST_STEPS


def _steps(data: bytes) -> int:
    """Lines of our own that run; what the readers beneath do is bounded by what they are given."""
    count = 0

    def tracer(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        parse(data)
    finally:
        sys.settrace(before)
    return count


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z][a-z_-]{0,8}", fullmatch=True),
            st.one_of(
                st.text(st.sampled_from("ab1 :#'\"\\-[]{},&*!|>%@`~.\té\u00a0\u0085\u2028"), max_size=12),
                st.from_regex(r"[ab1][: #a]{0,5}|[\"'][: #a]{0,3}[\"']?[: #a]{0,2}", fullmatch=True),
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_short_way_reads_what_yaml_reads(pairs: list[tuple[str, str]]) -> None:
    """Ordinary lines are taken without the YAML reader: with the same keys, values and remarks."""
    block = "".join(f"{key}: {value}\n" for key, value in pairs)
    short = languages._ordinary(block)
    if short is not None:
        assert short == languages._read_events(block)


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever a file holds, reading it gives a page."""
    for whole in (data, b"---\n" + data + b"\n---\n" + data):
        page = parse(whole)
        page.body.encode()
        assert all(isinstance(key, str) for key in page.keys)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        st.text(
            st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u0085\u2028\u2029\ufeff"), max_size=40
        ),
        min_size=1,
        max_size=5,
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")),
)
def test_what_a_yaml_writer_wrote_is_read_back(keys: dict[str, str], body: str) -> None:
    """Any text value written by a real YAML emitter comes back unchanged."""
    block = yaml.safe_dump(keys, allow_unicode=True, default_style='"', width=1_000_000)
    page = parse(f"---\n{block}---\nX{body}".encode())
    assert page.keys == keys
    assert page.body == "X" + body
