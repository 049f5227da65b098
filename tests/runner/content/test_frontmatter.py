import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.content import frontmatter
from runner.content.frontmatter import Page, parse


def test_keys_and_text() -> None:
    """Keys are read, blank lines after the fence go, indentation and the last line end stay."""
    page = parse(b"---\ndate: '2026-01-16'\ntitle: Salt\n---\n\n \n  indented\nend\n")
    assert page == Page({"date": "2026-01-16", "title": "Salt"}, "  indented\nend\n")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("2026-01-16", "2026-01-16"),
        ('"2026-01-16"', "2026-01-16"),
        ("2026", "2026"),
        ("1.50", "1.50"),
        ("true", True),
        ("No", False),
        ('"true"', "true"),
        ("~", None),
        ("", None),
        ('"a: b"', "a: b"),
        ("!!str true", "true"),
    ],
)
def test_scalars_stay_as_written(line: str, value: object) -> None:
    """Unquoted dates and numbers are the text they are; only null and the truth values are more."""
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
    assert parse(b"---\n---\nbody") == Page({}, "body") or parse(b"---\n---\nbody").keys == {}
    assert parse(b"---\nx: 1\n---") == Page({"x": "1"}, "")


@pytest.mark.parametrize(
    "data",
    [
        b"no fence\n",
        b"---\nx: 1\nno end\n",
        b"---\n- a\n- b\n---\nbody\n",
        b"---\nx: [\n---\nbody\n",
        b"---\nplain\n---\nbody\n",
        b"---\n" + b"x: 1\n" * 20_000 + b"---\nbody",
        b"---\n" + b"[" * 60_000 + b"\n---\nbody",
        b"---\nx: 1\x00\n---\nbody",
    ],
)
def test_what_is_no_frontmatter_is_text(data: bytes) -> None:
    """Without a readable mapping there are no keys, and the whole file is the text."""
    page = parse(data)
    assert page.keys == {}
    assert page.body == data.decode()


def test_deep_nesting_does_not_hurt() -> None:
    """Nesting as deep as the block allows is passed over without recursion."""
    page = parse(b"---\nx: 1\nz:\n  " + b"- " * 4_000 + b"a\n---\nbody")
    assert page == Page({"x": "1"}, "body")


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


def test_the_longest_block_is_bounded() -> None:
    """A block over the limit is not handed to the YAML reader at all."""
    data = b"---\nx: " + b"y" * frontmatter.LONGEST + b"\n---\n"
    assert parse(data).keys == {}
