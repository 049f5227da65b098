"""What the index has still to take in is found as if it had."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runner.content import Catalogue
from runner.search import Found, SearchIndex, SearchQuery, query
from runner.search import pending as waiting
from tests.runner.search.conftest import KINDS, Library, make_library

WORDS = (
    *("tide", "tides", "tidal", "happy", "happiness", "universe", "university", "be", "being", "bees", "ties", "3"),
    *("Über", "naïve", "приливы", "x\u0303y"),
    *(
        "東京",
        "京都市",
        "東京都は3月",
        "カタ",
        "ｶﾞﾀ",
        "민국",
        "대한민국",
        "กรุงเทพ",
        "🌊",
        "👍🏽",
        "👍",
        "שָׁלוֹם",
        "हिन्दी",
        "Straße",
    ),
)
JOINTS = (
    " ",
    " ",
    "\n",
    "-",
    "*",
    "_",
    "__",
    "~~",
    "`",
    "](u) [",
    "\n- ",
    "\n# ",
    "\n3. ",
    "\n> 3) ",
    "\n```tide\n",
    "\x03",
    "\u0301",
    "…",
    "'",
    "<b>",
    "",
    "",
    "\u200b",
    "。",
    "\ufe0f",
)
QUESTIONS = (
    *WORDS,
    *("t", "ti", "tid", "happ", "univers", "universi", "b", "п", "uber", "x"),
    *("tide be", "happy u", "naive happiness ti", "tides tide", "being the", "ties bee nothing"),
    *(
        "京",
        "東京都",
        "京3",
        "都は3",
        "tide東京",
        "東京tide",
        "3月 京都",
        "國",
        "국",
        "한민 tid",
        "กร",
        "งเท",
        "ガ",
        "🌊tide",
        "👍 東",
    ),
)

texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(JOINTS)), max_size=12).map(
    lambda parts: "".join(word + joint for word, joint in parts)
)
entries = st.dictionaries(
    st.tuples(st.sampled_from(["thoughts", "dreams"]), st.sampled_from("abcde")),
    st.none() | st.tuples(st.sampled_from(WORDS), texts),
)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(entries, entries, st.sampled_from(QUESTIONS), st.sampled_from([KINDS, ("dreams",)]))
@example({}, {("thoughts", "a"): ("be", "ti*de*s")}, "tides", KINDS)
@example({}, {("thoughts", "a"): ("be", "a [ti](u)des")}, "tides", KINDS)
@example({}, {("thoughts", "a"): ("be", "東\n3. 京都は")}, "京都", KINDS)
@example({}, {("thoughts", "a"): ("東京", "tides東\n- 京")}, "tide東", KINDS)
@example({("dreams", "b"): ("東京", "京")}, {("thoughts", "a"): ("東", "**東**京")}, "東京", KINDS)
def test_what_is_found_does_not_change_when_the_index_has_it(
    before: dict[tuple[str, str], tuple[str, str] | None],
    after: dict[tuple[str, str], tuple[str, str] | None],
    text: str,
    kinds: tuple[str, ...],
) -> None:
    """The same entries and the same total before and after, as long as the index knows all words there are."""
    with TemporaryDirectory() as folder:
        library = make_library(Path(folder))
        library.write("every", " ".join(WORDS))
        for state in (before, after):
            for (kind, slug), words in state.items():
                if words is not None:
                    library.write(slug, words[1], title=words[0], kind=kind)
                elif (library.home / kind / f"{slug}.md").exists():
                    library.delete(slug, kind=kind)
            if state is before:
                library.sync()
        told = library.tell()
        waited = library.search(text, kinds=kinds)
        library.index.put(library.catalogue, told)
        taken_in = library.search(text, kinds=kinds)
        library.index.close()
    assert shown(waited) == shown(taken_in)
    assert waited.total == taken_in.total == len(waited.hits)


def shown(found: Found) -> list[tuple[str, str, str, str]]:
    return sorted((hit.result_type, hit.slug, hit.title, hit.snippet) for hit in found.hits)


def test_each_change_is_right_at_once(library: Library) -> None:
    """Created, changed and deleted: the hits and their number are right before the index has taken anything in."""
    for slug in ("changed", "gone", "stays"):
        library.write(slug, "low tide")
    library.sync()
    library.write("changed", "low ebb")
    library.write("new", "high tide")
    library.delete("gone")
    library.tell()
    assert (sorted(library.slugs("tide")), library.search("tide").total) == (["new", "stays"], 2)
    assert (sorted(library.slugs("low")), library.search("low").total) == (["changed", "stays"], 2)
    assert library.slugs("eb") == ["changed"]


def test_a_word_that_is_new_is_found_in_all_its_forms(library: Library) -> None:
    """The index need not know a word for its stem to be found."""
    library.write("a", "plain")
    library.sync()
    library.write("b", "the zzcheckouts of yesterday")
    library.tell()
    assert library.slugs("zzcheckout yesterdays") == ["b"]
    assert library.slugs("zzcheckouting") == ["b"]


@pytest.mark.parametrize(
    ("words", "questions"),
    [
        ("the tide and the ebb tide turns", ("tide", "turning ti", "ebb tides")),
        ("私は東京に行きます。東京は3月、都東京都", ("東京", "京", "東京は3月", "東京 3", "行きます tid", "は3")),
        ("はははは ははは はは", ("ははは", "は", "はは ははは")),
        ("대한민국 사람 민국", ("민국", "국", "대한민국 사람")),
        ("เราอยู่ที่กรุงเทพ กรุงเทพ", ("กรุงเทพ", "กร", "ที่ กรุง")),
        ("the 🌊 and 👍🏽 and 👍 runs東 running東", ("🌊", "👍", "🌊 the", "run東")),
    ],
)
def test_a_twin_that_waits_scores_the_same(library: Library, words: str, questions: tuple[str, ...]) -> None:
    """The score is the one that the index gives: equals stand in the order of day and name, wherever they are."""
    library.write("b", words, title="Tides", date="2026-03-02")
    for number in range(9):
        library.write(f"other-{number}", "no such word " * number)
    library.sync()
    library.write("a", words, title="Tides", date="2026-03-02")
    library.write("c", words, title="Tides", date="2026-03-03")
    library.tell()
    for text in questions:
        hits = library.search(text).hits
        assert [hit.slug for hit in hits] == ["c", "a", "b"]
        assert len({(hit.score, hit.title, hit.snippet) for hit in hits}) == 1
        assert hits[0].score < 0


def test_pages_go_over_the_seam(library: Library) -> None:
    """Page by page each entry comes once, whether the index has it or not."""
    for number in range(30):
        library.write(f"i{number:02}", f"{'tide ' * (number % 7)} tide and ebb")
    library.sync()
    for number in range(0, 30, 3):
        library.write(f"i{number:02}", f"{'tide ' * (number % 5)} tide and flow")
    for number in range(65):
        library.write(f"w{number:02}", f"{'tide ' * (number % 6)} tide and ebb")
    library.tell()
    whole = library.search("tide", limit=100)
    assert (whole.total, len({hit.slug for hit in whole.hits})) == (95, 95)
    assert [hit.score for hit in whole.hits] == sorted(hit.score for hit in whole.hits)
    pages = [library.search("tide", limit=7, offset=first) for first in range(0, 100, 7)]
    assert [hit for page in pages for hit in page.hits] == list(whole.hits)
    assert {page.total for page in pages} == {95}


def test_only_our_markers_are_tags(library: Library) -> None:
    """Title and snippet are escaped and marked as those of the index are, and say of the entry what it is."""
    library.sync()
    library.write("a", 'low <mark onclick="x()">tide</mark> & <script>y</script>', title="<b>tide</b>", kind="dreams")
    told = library.tell()
    (waits,) = library.search("tides").hits
    assert waits.title == "&lt;b&gt;<mark>tide</mark>&lt;/b&gt;"
    assert (
        waits.snippet
        == 'low &lt;mark onclick="x()"&gt;<mark>tide</mark>&lt;/mark&gt; &amp; &lt;script&gt;y&lt;/script&gt;'
    )
    assert (waits.result_type, waits.date, waits.dream_type) == ("dream", "2026-03-01", "poetry")
    library.index.put(library.catalogue, told)
    (taken_in,) = library.search("tides").hits
    assert (taken_in.title, taken_in.snippet) == (waits.title, waits.snippet)


def test_what_changes_while_it_is_written_goes_on_waiting(library: Library) -> None:
    """A commit takes off what it holds and nothing that has come since."""
    library.sync()
    library.write("a", "first")
    first = library.tell()
    older = library.catalogue
    library.write("a", "second")
    library.tell()
    library.index.put(older, first)
    assert (library.slugs("first"), library.slugs("second")) == ([], ["a"])
    library.delete("a")
    library.tell()
    library.index.put(older, first)
    assert library.slugs("second") == library.slugs("first") == []


def test_what_is_found_behind_waits_too(library: Library) -> None:
    """Entries that differ from the index at a start are right from the comparison on."""
    library.write("a", "ebb")
    library.sync()
    library.write("b", "tide")
    library.sync()
    library.index.close()
    library.index = SearchIndex(library.index.path)
    library.delete("a")
    library.write("b", "flow")
    library.catalogue = newest(library)
    library.index.behind(library.catalogue)
    assert (library.slugs("ebb"), library.slugs("tide"), library.slugs("flow")) == ([], [], ["b"])


def newest(library: Library) -> Catalogue:
    other = make_library(library.home)
    other.tell()
    return other.catalogue


def test_a_commit_in_the_middle_of_a_question_changes_no_answer(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what waits and the snapshot of the database a commit may come: nothing is missing or there twice."""
    for slug in ("changed", "gone", "stays"):
        library.write(slug, "low tide")
    library.sync()
    library.write("changed", "high tide")
    library.write("new", "high tide")
    library.delete("gone")
    told = library.tell()
    real = query.run
    committed: list[bool] = []

    def interrupted(*asked: object) -> Found:
        if not committed:
            committed.append(True)
            library.index.put(library.catalogue, told)
        return real(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(query, "run", interrupted)
    found = library.search("tide")
    assert committed
    assert (sorted(hit.slug for hit in found.hits), found.total) == (["changed", "new", "stays"], 3)
    again = library.search("tide")
    assert again is not found, "it was of the time before the commit, and not kept"
    assert (sorted(hit.slug for hit in again.hits), again.total) == (["changed", "new", "stays"], 3)


def test_an_answer_is_kept_until_something_is_told(library: Library) -> None:
    """The same question gets the same object while the same entries wait."""
    library.sync()
    library.write("a", "tide")
    library.tell()
    first = library.search("tide")
    assert library.search("tide") is first
    library.write("b", "tide")
    library.tell()
    assert library.search("tide").total == 2


def test_a_whole_home_is_not_looked_through(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """While more wait than can be looked through, the index answers alone: with what it has."""
    monkeypatch.setattr(waiting, "MOST", 2)
    library.write("a", "tide")
    library.sync()
    for slug in ("b", "c", "d"):
        library.write(slug, "tide")
    told = library.tell()
    assert library.slugs("tide") == ["a"]
    library.index.put(library.catalogue, told[:1])
    assert sorted(library.slugs("tide")) == ["a", "b", "c", "d"]


def test_a_long_text_is_shown_where_it_matters(library: Library) -> None:
    """Of a long text the part is shown that has most of the words, with as many words as the index shows."""
    library.sync()
    library.write("a", f"{'far ' * 100} tide {'away ' * 100} the Ebb of the tide {'off ' * 100}")
    library.tell()
    (hit,) = library.search("ebb tide").hits
    assert "the <mark>Ebb</mark> of the <mark>tide</mark>" in hit.snippet
    assert (hit.snippet[:3], hit.snippet[-3:]) == ("...", "...")
    assert len(hit.snippet.split()) == query.BODY_TOKENS
    assert (
        library.index.search(SearchQuery(text="plain", kinds=KINDS, limit=1, offset=0))
        .hits[0]
        .snippet.startswith("far")
    )
