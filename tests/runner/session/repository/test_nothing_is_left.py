"""What `done` promises: nothing of the tracked folders is left, whatever is configured and whatever lies there."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
import trio

from runner.session.repository import staging
from tests.support.life import keep, kept, make_life, new_repository, run_git, surroundings, words_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A life."""
    return make_life(tmp_path)


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """Surroundings with a user of their own."""
    return surroundings(tmp_path)


def write(home: Path, path: str, text: str | bytes = "x") -> None:
    """A file of the home."""
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)


SETTINGS = {
    "status.showUntrackedFiles": "no",
    "core.excludesFile": "~/everything",
    "core.ignoreCase": "true",
    "core.autocrlf": "true",
    "core.safecrlf": "true",
    "core.eol": "crlf",
    "core.precomposeUnicode": "true",
    "core.untrackedCache": "true",
    "core.splitIndex": "true",
    "core.preloadIndex": "false",
    "core.quotePath": "true",
    "core.bare": "true",
    "core.worktree": "/nowhere",
    "core.attributesFile": "~/attributes",
    "add.ignoreErrors": "true",
    "status.relativePaths": "true",
    "status.short": "true",
    "status.branch": "true",
    "diff.ignoreSubmodules": "all",
    "diff.noprefix": "true",
    "diff.external": "false",
    "color.ui": "always",
    "commit.verbose": "true",
    "commit.cleanup": "scissors",
    "commit.template": "~/everything",
    "core.commentChar": "S",
    "core.editor": "false",
    "core.pager": "false",
    "alias.ls-files": "!false",
    "advice.addEmbeddedRepo": "true",
    "feature.manyFiles": "true",
    "i18n.commitEncoding": "latin1",
    "user.useConfigOnly": "true",
    "pull.rebase": "true",
    "submodule.recurse": "true",
    "core.sparseCheckout": "true",
    "gc.auto": "1",
}


@pytest.mark.parametrize("whose", ["repository", "user"])
async def test_no_setting_hides_what_is_new(home: Path, around: dict[str, str], whose: str) -> None:
    """With every setting that has a say in what git lists, adds or converts, all at once: all is kept, byte by byte."""
    user = Path(around["HOME"])
    (user / "everything").write_text("*\n")
    (user / "attributes").write_text("*.md text eol=crlf\n")
    for key, value in SETTINGS.items():
        scope = ("--local",) if whose == "repository" else ("--file", str(user / ".gitconfig"))
        run_git(home, "config", *scope, key, value)
    for number in (1, 2):
        write(home, f"thoughts/{number}.md", f"{number}\r\nmixed\n")
        write(home, "thoughts/Case.md", f"{number}")
        write(home, "thoughts/case.md", f"other {number}")
        write(home, "projects/new/deep/a.bin", bytes(range(256)) * number)
        assert await keep(home, around) == "done"
    run_git(home, "config", "core.bare", "false")
    run_git(home, "config", "--unset-all", "core.worktree") if whose == "repository" else None
    assert {"thoughts/1.md", "thoughts/2.md", "thoughts/Case.md", "projects/new/deep/a.bin"} <= kept(home).keys()
    assert words_of(home, "thoughts/case.md") == "other 2"
    assert await keep(home, around) == "not_due"


async def test_bytes_are_kept_as_they_are(home: Path, around: dict[str, str]) -> None:
    """Attributes of the resident's convert nothing: not ends of lines, not encodings, and no `$Id$`."""
    run_git(home, "config", "core.autocrlf", "input")
    write(home, "thoughts/.gitattributes", "* text=auto eol=lf ident working-tree-encoding=UTF-16\n")
    write(home, "thoughts/a.md", b"$Id$ one\r\ntwo\n\xff")
    assert await keep(home, around) == "done"
    written = run_git(home, "hash-object", "--no-filters", "thoughts/a.md")
    assert run_git(home, "rev-parse", "HEAD:thoughts/a.md") == written


async def test_the_homes_own_ignore_files_are_obeyed(home: Path, around: dict[str, str]) -> None:
    """What `.gitignore`, in the home or in a project, and the repository's own list leave out stays out."""
    write(home, ".gitignore", "*.key\n")
    write(home, "projects/.gitignore", "build/\n")
    (home / ".git" / "info" / "exclude").write_text("*.swp\n")
    for name in ("a.md", "a.key", "build/b.md", "a.swp", "tool/c.md", "tool/c.key", "tool/n/d.o"):
        write(home, f"projects/{name}")
    new_repository(home / "projects" / "tool")
    write(home, "projects/tool/.gitignore", "n/\n")
    assert await keep(home, around) == "done"
    names = {path for path in kept(home) if path.startswith("projects/")}
    assert names == {"projects/.gitignore", "projects/a.md", "projects/tool/.gitignore", "projects/tool/c.md"}


async def test_a_repository_within_is_kept_as_files(home: Path, around: dict[str, str]) -> None:
    """With and without commits, one in another, beside other files: their files are kept, and later ones too."""
    write(home, "projects/other.md")
    new_repository(home / "projects" / "tool")
    write(home, "projects/tool/a/b.py", "one")
    new_repository(home / "projects" / "tool" / "inner")
    write(home, "projects/tool/inner/c.py", "one")
    run_git(home / "projects" / "tool" / "inner", "add", "--all")
    run_git(home / "projects" / "tool" / "inner", "commit", "--quiet", "-m", "inner")
    new_repository(home / "projects" / "empty")
    assert await keep(home, around) == "done"
    write(home, "projects/tool/d.py", "two")
    write(home, "projects/tool/inner/e.py", "two")
    write(home, "projects/tool/inner/c.py", "two")
    (home / "projects" / "tool" / "a" / "b.py").unlink()
    assert await keep(home, around) == "done"
    names = {path for path in kept(home) if path.startswith("projects/")}
    assert names == {"projects/other.md", "projects/tool/d.py", "projects/tool/inner/c.py", "projects/tool/inner/e.py"}
    assert words_of(home, "projects/tool/inner/c.py") == "two"
    assert await keep(home, around) == "not_due"


async def test_an_empty_link_of_an_earlier_commit_becomes_files(home: Path, around: dict[str, str]) -> None:
    """Words behind a link that an earlier git has stored are kept now; a submodule that nobody fetched stays a link."""
    for name in ("tool", "absent", "gone"):
        new_repository(home / "projects" / name)
        write(home, f"projects/{name}/a.md")
        run_git(home / "projects" / name, "add", "a.md")
        run_git(home / "projects" / name, "commit", "--quiet", "-m", "inner")
        run_git(home, "-c", "advice.addEmbeddedRepo=false", "add", f"projects/{name}")
    run_git(home, "commit", "--quiet", "-m", "links")
    for name in ("absent", "gone"):
        shutil.rmtree(home / "projects" / name)
    (home / "projects" / "absent").mkdir()
    assert await keep(home, around) == "done"
    assert {path: kind for path, kind in kept(home).items() if path.startswith("projects/")} == {
        "projects/tool/a.md": "blob",
        "projects/absent": "commit",
    }
    assert await keep(home, around) == "not_due"


ODD_NAMES = ("-rf.md", "a b.md", ":(top)a.md", "*.md", 'quo"te.md', "new\nline.md", "tab\t.md", "кофе.md", "[x].md")


async def test_odd_names_are_kept(home: Path, around: dict[str, str]) -> None:
    """Spaces, quotes, line ends, signs that git gives a meaning, and bytes that are no text, also in repositories."""
    new_repository(home / "projects" / "tool")
    for name in ODD_NAMES:
        write(home, f"thoughts/{name}")
        write(home, f"projects/tool/{name}")
    Path(os.fsdecode(os.fsencode(home / "thoughts") + b"/caf\xe9.md")).write_text("x")
    assert await keep(home, around) == "done"
    names = kept(home)
    assert {f"{folder}/{name}" for folder in ("thoughts", "projects/tool") for name in ODD_NAMES} <= names.keys()
    assert os.fsdecode(b"thoughts/caf\xe9.md") in names


async def test_a_name_that_git_refuses_is_named_and_alone(home: Path, around: dict[str, str]) -> None:
    """Its neighbours are kept, the names of several are told in a form that a ledger can hold, and the rest counted."""
    for number in range(7):
        write(home, f"projects/{number}/git~1/a\n.md")
        write(home, f"projects/{number}/b.md")
    said = await keep(home, around)
    assert said.startswith(r"projects/0/git~1/a\n.md not added: git refuses a file of this name; projects/1/")
    assert said.endswith("; and 2 more")
    assert {f"projects/{number}/b.md" for number in range(7)} <= kept(home).keys()
    said.encode()


async def test_files_and_folders_take_each_others_place(home: Path, around: dict[str, str]) -> None:
    """A file that becomes a folder, a folder that becomes a file or a link, and what is no file at all."""
    write(home, "projects/a", "file")
    write(home, "projects/b/c", "inner")
    write(home, "projects/d/c", "inner")
    write(home, "projects/e", "file")
    assert await keep(home, around) == "done"
    (home / "projects" / "a").unlink()
    write(home, "projects/a/b", "inner")
    shutil.rmtree(home / "projects" / "b")
    write(home, "projects/b", "file")
    (home / "projects" / "d").rename(home / "data" / "d")
    (home / "projects" / "d").symlink_to("../data/d")
    (home / "projects" / "e").unlink()
    (home / "projects" / "e").mkdir()
    os.mkfifo(home / "projects" / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(home / "projects" / "socket"))
        assert await keep(home, around) == "done"
    assert {path for path in kept(home) if path.startswith("projects/")} == {"projects/a/b", "projects/b", "projects/d"}
    assert words_of(home, "projects/d") == "../data/d"
    assert await keep(home, around) == "not_due"


async def test_a_tracked_folder_that_is_a_link_loses_nothing(home: Path, around: dict[str, str]) -> None:
    """What was kept of it stays kept, what lies behind the link is not read, and the folder is named."""
    write(home, "thoughts/a.md")
    write(home, "dreams/b.md")
    assert await keep(home, around) == "done"
    (home / "thoughts").rename(home / "data" / "thoughts")
    (home / "thoughts").symlink_to("data/thoughts")
    write(home, "dreams/c.md")
    assert (await keep(home, around)).startswith("thoughts not added: it is a link")
    assert {"thoughts/a.md", "dreams/b.md", "dreams/c.md"} <= kept(home).keys()


async def test_what_is_late_is_taken_after_the_next_session(
    home: Path, around: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time is over, what was taken is committed and the rest named; nothing has to be done twice."""
    for number in range(6):
        write(home, f"thoughts/{number}.md")
    times = iter((0.0, 1.0, 1.0 + staging.ADDING))
    monkeypatch.setattr(staging, "AT_ONCE", 4)
    with monkeypatch.context() as clock:
        clock.setattr(staging, "current_time", lambda: next(times))
        said = await keep(home, around)
    taken = kept(home).keys()
    assert len(taken) == staging.AT_ONCE
    left = sorted({f"thoughts/{number}.md" for number in range(6)} - taken)
    assert said == "; ".join(f"{path} not added: no time left; it is taken after the next session" for path in left)
    assert await keep(home, around) == "done"
    assert {f"thoughts/{number}.md" for number in range(6)} <= kept(home).keys()


async def test_a_heavy_file_keeps_no_other_out(
    home: Path, around: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is too large is named with its size and not begun; one that is late comes after all the others."""
    write(home, "sandbox/a-large.bin", b"x" * (staging.LARGE + 1))
    write(home, "sandbox/b.md")
    write(home, "sandbox/huge.bin")
    os.truncate(home / "sandbox" / "huge.bin", staging.LARGEST + 1)
    times = iter((0.0, 1.0, 1.0 + staging.ADDING))
    with monkeypatch.context() as clock:
        clock.setattr(staging, "current_time", lambda: next(times))
        said = await keep(home, around)
    assert "sandbox/a-large.bin not added: no time left" in said
    assert "sandbox/huge.bin not added: 512 MiB are more than the 512" in said
    assert "sandbox/b.md" in kept(home)
    assert (await keep(home, around)).startswith("sandbox/huge.bin not added: ")
    assert "sandbox/a-large.bin" in kept(home)


async def test_other_forms_of_repository(tmp_path: Path, around: dict[str, str]) -> None:
    """Longer names of objects, a folder elsewhere and a shared index are treated alike; a linked tree keeps its own."""
    home = make_life(tmp_path, "--object-format=sha256")
    write(home, "thoughts/a.md")
    assert await keep(home, around) == "done"
    (home / ".git").rename(tmp_path / "elsewhere")
    (home / ".git").write_text(f"gitdir: {tmp_path / 'elsewhere'}\n")
    run_git(home, "config", "core.splitIndex", "true")
    run_git(home, "update-index", "--split-index")
    write(home, "thoughts/b.md")
    assert await keep(home, around) == "done"
    run_git(home, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    linked = tmp_path / "linked"
    write(linked, "thoughts/c.md")
    assert await keep(linked, around) == "done"
    assert {"thoughts/a.md", "thoughts/b.md"} == {path for path in kept(home) if path.startswith("thoughts/")}
    assert "thoughts/c.md" in kept(linked)
    assert run_git(home, "status", "--porcelain", "--", "thoughts") == ""
    run_git(home, "fsck", "--strict")


CLOSED = """
import sys, trio
from pathlib import Path
from tests.support.life import keep, surroundings
home = Path(sys.argv[1])
print(trio.run(keep, home, surroundings(home.parent)))
"""


async def test_what_cannot_be_read_is_named_and_alone(home: Path, around: dict[str, str]) -> None:
    """A closed file and a closed folder: the others are kept, and what was kept in them is not taken for deleted."""
    write(home, "thoughts/was/a.md")
    assert await keep(home, around) == "done"
    write(home, "thoughts/b.md")
    write(home, "thoughts/c.md")
    (home / "thoughts" / "b.md").chmod(0)
    (home / "thoughts" / "was").chmod(0)
    drop = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    done = await trio.run_process((*drop, sys.executable, "-c", CLOSED, str(home)), capture_stdout=True)
    (home / "thoughts" / "was").chmod(0o700)
    assert "thoughts/b.md not added: Permission denied" in done.stdout.decode()
    assert "thoughts/was" in done.stdout.decode()
    assert {"thoughts/was/a.md", "thoughts/c.md"} <= kept(home).keys()
