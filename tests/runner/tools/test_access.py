"""What a session may read and write: the table of folders, a session's share of it, and patterns that say the same."""

import fnmatch
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.content import read_kinds
from runner.home.tree import FILES, TOP, Readers, Visibility
from runner.resources import config_dir
from runner.tools.access import Access, all_but, beginning_of, of_json
from runner.tools.capabilities import Grant
from runner.tools.files import HomeTools
from runner.tools.grants import access_of
from tests.runner.session.stage import make_home

HOME = Path("/h/home")
ALONE = access_of(Grant(), HOME)
STRANGERS = access_of(Grant(letters_of=()), HOME)
LETTERS = access_of(Grant(letters_of=("mira",)), HOME)

HOUSE = ("mailbox", "conversations", "transcripts", "visitors", "telegram", "moderation", "data", "logs", "runner")


@pytest.mark.parametrize("access", [ALONE, STRANGERS, LETTERS])
@pytest.mark.parametrize("folder", HOUSE)
def test_what_belongs_to_the_house_is_written_by_no_session(access: Access, folder: str) -> None:
    """Whoever is there: a file in such a folder, in a new one below it, and the folder itself."""
    for path in (folder, f"{folder}/x", f"{folder}/mira/thread.jsonl", f"./{folder}//x", f"thoughts/../{folder}/x"):
        assert access.refusal(path, write=True) is not None, path


@pytest.mark.parametrize("access", [ALONE, STRANGERS, LETTERS])
def test_the_residents_own_is_always_open(access: Access) -> None:
    """It reads and writes what it makes, its memory, and folders of its own that no table knows."""
    for path in ("thoughts/a.md", "memory/memory.md", "prompt/prompt.md", "inner-thread/x", "garden/x", "voice.md"):
        assert access.refusal(path) is None
        assert access.refusal(path, write=True) is None
    for path in ("news/a.md", "gifts/a.png", "readings/a.md", "CLAUDE.md"):
        assert access.refusal(path) is None
        assert access.refusal(path, write=True) is not None


@pytest.mark.parametrize("folder", ["visitors", "conversations", "transcripts", "telegram", "mailbox"])
def test_private_words_are_closed_beside_strangers(folder: str) -> None:
    """What others said in confidence is read by a session that is alone with its own words, and by no other."""
    assert ALONE.refusal(f"{folder}/tom/x") is None
    assert STRANGERS.refusal(f"{folder}/tom/x") is not None
    assert LETTERS.refusal(f"{folder}/tom/x") is not None
    assert (LETTERS.refusal(f"{folder}/mira/x") is None) == (folder == "mailbox")
    assert LETTERS.refusal(f"{folder}/mirabel/x") is not None


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "/h/homes", "/h/home/../x", "a\0b", ".git/config", "projects/x/.git/hooks/a", ".mcp.json",
     "sandbox/a.env", "sandbox/A.ENV", "x/id.KEY", "x/cert.pem", ".env", "sessions.db", "claude-runner.toml"],
)  # fmt: skip
def test_what_is_nobodys(path: str) -> None:
    """Places outside, machinery, keys and hidden names of the home."""
    assert ALONE.refusal(path) is not None
    assert ALONE.refusal(path, write=True) is not None


def test_it_survives_being_written_down() -> None:
    """The guard, another process, knows the same."""
    shown = access_of(Grant(letters_of=("mira",), shown=("telegram/images/a.jpg", "data/x", "telegram/../x")), HOME)
    assert shown.files == {"telegram/images/a.jpg"}
    assert of_json(shown.as_json()) == shown
    with pytest.raises(KeyError):
        of_json({})


def test_every_folder_is_decided() -> None:
    """What is public is the resident's or the owner's; nothing that sessions can't read is shown, tracked or named."""
    for folder in TOP:
        if folder.visibility is Visibility.SHOWN:
            assert folder.readers is Readers.ALL
        if folder.writable or folder.tracked or folder.tag:
            assert folder.readers is Readers.ALL
        if folder.readers is Readers.NONE:
            assert not folder.about
    assert len({row.name for row in TOP} | {row.name for row in FILES}) == len(TOP) + len(FILES)


def test_content_kinds_are_folders_of_the_table() -> None:
    """What readers get by kind is public, kept by git and told to the caches; what echoes is of the corpus."""
    folders = {folder.name: folder for folder in TOP}
    kinds = list(read_kinds(config_dir() / "content.toml"))
    for kind in kinds:
        folder = folders[kind.folder]
        assert folder.tracked
        assert folder.tag
        assert folder.visibility is Visibility.SHOWN
        assert not kind.described or folders[f"{kind.folder}-description"].tag == folder.tag
    assert {kind.folder for kind in kinds if kind.echoed} == {name for name, row in folders.items() if row.corpus}


def matches(path: str, pattern: str) -> bool:
    """As ignore files are read: a star stays in its component, two at the end are all that is below."""
    parts, wanted = path.split("/"), pattern.split("/")
    if wanted[-1] == "**":
        wanted = wanted[:-1]
        parts, rest = parts[: len(wanted)], parts[len(wanted) :]
        if not rest:
            return False
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


NAMES = st.text(alphabet="abmirt-_.019", min_size=1, max_size=4).filter(lambda name: name not in {".", ".."})


@given(left_open=st.sets(NAMES, min_size=1, max_size=4), name=NAMES)
def test_patterns_know_no_exception_and_say_the_same(left_open: set[str], name: str) -> None:
    """Together they match every name but those that are left open, and of these nothing, whatever lies in them."""
    patterns = list(all_but("f", [[one] for one in left_open]))
    for path in (f"f/{name}", f"f/{name}/x/y"):
        assert any(matches(path, pattern) for pattern in patterns) is (name not in left_open)


def test_patterns_leave_a_single_file_open() -> None:
    """What lies beside it, below or above it in the tree is matched."""
    patterns = list(all_but("t", [["images", "a.jpg"]]))
    for path, open_ in (("t/images/a.jpg", True), ("t/images/b.jpg", False), ("t/images/a.jp", False), ("t/x", False)):
        assert any(matches(path, pattern) for pattern in patterns) is not open_, path
    assert list(all_but("t", [])) == ["t/**"]
    assert not any(matches("t/a/x", pattern) for pattern in all_but("t", [["a"], ["a", "b"]]))


@pytest.mark.parametrize(
    ("pattern", "begins"),
    [("thoughts/*.md", "thoughts"), ("a/b/**/c", "a/b"), ("*.md", ""), ("/etc/*", "/etc"), ("/*", "/"),
     ("a/{b,c}/d", "a"), ("a\\b/c", ""), ("x", "")],
)  # fmt: skip
def test_where_a_pattern_begins(pattern: str, begins: str) -> None:
    """Its plain components before the first with a mark, the last of which is a name already."""
    assert beginning_of(pattern) == begins


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = make_home(tmp_path)
    for name in ("mailbox/mira/thread.jsonl", "mailbox/tom/thread.jsonl", "conversations/x.md", "thoughts/a.md"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(f"kestrel in {name}")
    return made


def used(home: Path, grant: Grant, name: str, **given: Any) -> tuple[str, bool]:
    answer = attrs.evolve(HomeTools(home), grant=grant).call(name, given)
    return answer.content, answer.is_error


def test_the_file_tools_heed_it(home: Path) -> None:
    """Reading, listing, searching and writing, each by what the session that calls may do."""
    letters, visit = Grant(letters_of=("mira",)), Grant(letters_of=())
    for grant, readable in (
        (Grant(), {"mailbox/mira/thread.jsonl", "mailbox/tom/thread.jsonl", "conversations/x.md"}),
        (letters, {"mailbox/mira/thread.jsonl"}),
        (visit, set()),
    ):
        found, _ = used(home, grant, "Search", pattern="kestrel")
        seen = {line.partition(":")[0] for line in found.splitlines()}
        assert seen == readable | {"thoughts/a.md", "memory/memory.md"}
        for path in ("mailbox/mira/thread.jsonl", "mailbox/tom/thread.jsonl", "conversations/x.md"):
            assert used(home, grant, "Read", file_path=path)[1] is (path not in readable), path
            assert used(home, grant, "Write", file_path=path, content="x")[1]
            assert used(home, grant, "Edit", file_path=path, old_string="kestrel", new_string="x")[1]
        assert used(home, grant, "Write", file_path="mailbox/new/thread.jsonl", content="x")[1]
    assert not (home / "mailbox" / "new").exists()
    assert used(home, letters, "List", path="mailbox")[1]
    assert used(home, letters, "List", path="mailbox/mira") == ("thread.jsonl", False)
    assert "mailbox/" not in used(home, visit, "List")[0]
