"""Making homes: complete, repeatable, and never at the cost of what is there."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from runner.errors import ForeignHome, HomeInUse, UnusableHome
from runner.home import FOLDERS, HomeLock, init_home, made_by_init
from runner.home.git import ignore_file, make_repository
from runner.home.pages import Words, pages_of
from runner.settings import Settings, load_settings

NOW = datetime(2026, 3, 9, 2, 30, tzinfo=UTC)  # still the evening of the 8th in New York, a day of 23 hours
TODAY = "2026-03-08"
NO_GIT = {"PATH": "/nonexistent"}


def settings_for(home: Path, **environ: str) -> Settings:
    return load_settings({"home": home}, environ).settings


def everything(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(home).parts[:1]
    }


def git(home: Path, *words: str) -> str:
    return subprocess.run(("git", *words), cwd=home, capture_output=True, text=True, check=True, timeout=30).stdout


def test_new_home(tmp_path: Path) -> None:
    """A new home has every folder, the starter pages, its mark, and says what was made."""
    settings = settings_for(tmp_path / "a" / "home")
    report = init_home(settings, now=NOW, environ=NO_GIT)
    home = settings.home
    assert all((home / folder.name).is_dir() for folder in FOLDERS)
    for name in (
        "memory/identity.md",
        "memory/memory.md",
        "prompt/prompt.md",
        "voice.md",
        "CLAUDE.md",
        "about/about.md",
    ):
        assert (home / name).read_text(encoding="utf-8").strip(), name
    assert set(json.loads((home / "landing-page/landing.json").read_text())) == {"headline", "subheadline"}
    assert list((home / "thoughts").iterdir()) == []
    assert stat.S_IMODE((home / "runner/.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "data/home.json").stat().st_mode) == 0o600
    mark = made_by_init(settings.paths)
    assert mark is not None
    assert (mark.at, mark.demo, mark.complete) == (NOW, False, True)
    assert report.lines()[0] == f"made a home in {home}"
    assert report.lines()[-1].startswith("git is not installed")
    assert not list(home.rglob("*.tmp"))


def test_the_starter_env_changes_nothing(tmp_path: Path) -> None:
    """The .env of a new home sets nothing and draws no warning, and the names it offers exist."""
    init_home(settings_for(tmp_path / "h"), now=NOW, environ=NO_GIT)
    assert load_settings({"home": tmp_path / "h"}, {}).warnings == ()
    env = tmp_path / "h/runner/.env"
    env.write_text(re.sub(r"^#([A-Z_]+=)$", r"\1 5", env.read_text(), flags=re.MULTILINE))
    loaded = load_settings({"home": tmp_path / "h"}, {})
    assert (loaded.warnings, loaded.settings.http.api_key) == ((), "5")


def test_second_time(tmp_path: Path) -> None:
    """Said again, init changes nothing and says so; what the resident changed or removed stays so."""
    settings = settings_for(tmp_path)
    init_home(settings, now=NOW, demo=True, environ=NO_GIT)
    (tmp_path / "voice.md").write_text("mine now")
    (tmp_path / "dreams/lamp.md").unlink()
    before = everything(tmp_path)
    for demo in (True, False):
        report = init_home(settings, now=NOW + timedelta(days=9), demo=demo, environ=NO_GIT)
        assert report.lines() == (f"{tmp_path} is a home already; nothing was changed",)
    assert everything(tmp_path) == before


def test_a_missing_folder_comes_back(tmp_path: Path) -> None:
    """A folder that went missing is made again, and nothing else."""
    settings = settings_for(tmp_path)
    init_home(settings, now=NOW, environ=NO_GIT)
    (tmp_path / "gifts").rmdir()
    report = init_home(settings, now=NOW, environ=NO_GIT)
    assert (report.fresh, report.folders, report.pages) == (False, ("gifts",), ())
    assert report.lines() == (f"{tmp_path} was there; added what was missing", "1 folder and 0 pages")


def test_a_life_of_the_predecessor(tmp_path: Path) -> None:
    """A home that init did not make gets missing folders only: no page, no mark, no repository."""
    (tmp_path / "thoughts").mkdir()
    (tmp_path / "thoughts/2025-01-01-noon.md").write_text("x")
    (tmp_path / "recipes.txt").write_text("y")
    settings = settings_for(tmp_path)
    before = everything(tmp_path)
    report = init_home(settings, now=NOW)
    after = everything(tmp_path)
    after.pop("data/runner.lock")
    assert after == before
    assert (report.fresh, report.pages, report.git) == (False, (), "")
    assert made_by_init(settings.paths) is None
    assert not (tmp_path / ".git").exists()


@pytest.mark.parametrize("marked", [True, False])
def test_demo_never_mixes_with_a_life(tmp_path: Path, marked: bool) -> None:
    """Where thoughts are, --demo is refused, and nothing is written."""
    settings = settings_for(tmp_path)
    if marked:
        init_home(settings, now=NOW, environ=NO_GIT)
    (tmp_path / "thoughts").mkdir(exist_ok=True)
    (tmp_path / "thoughts/2025-01-01-noon.md").write_text("x")
    before = everything(tmp_path)
    with pytest.raises(ForeignHome, match="holds thoughts already; --demo would mix"):
        init_home(settings, now=NOW, demo=True, environ=NO_GIT)
    after = everything(tmp_path)
    after.pop("data/runner.lock")
    before.pop("data/runner.lock", None)
    assert after == before


def test_demo_after_an_empty_start(tmp_path: Path) -> None:
    """A home made without --demo, in which nothing was thought yet, can still get the small life."""
    settings = settings_for(tmp_path)
    init_home(settings, now=NOW, environ=NO_GIT)
    report = init_home(settings, now=NOW, demo=True, environ=NO_GIT)
    assert report.demo
    assert len(list((tmp_path / "thoughts").iterdir())) >= 12
    assert (tmp_path / "memory/memory.md").read_text().startswith("# What I carry\n\nNothing yet")


@pytest.mark.parametrize("content", ["notes.txt", "src/main.c", "data/table.csv"])
def test_foreign_folders(tmp_path: Path, content: str) -> None:
    """A folder with other things in it is refused by name, and left alone."""
    (tmp_path / content).parent.mkdir(exist_ok=True)
    (tmp_path / content).write_text("x")
    with pytest.raises(ForeignHome, match=content.split("/", maxsplit=1)[0]) as raised:
        init_home(settings_for(tmp_path), now=NOW)
    assert raised.value.exit_code == 2
    assert everything(tmp_path) == {content: b"x"}


def test_prepared_folders(tmp_path: Path) -> None:
    """A folder with only settings, or an empty disk's own things, becomes a home, and the settings stay."""
    (tmp_path / "runner").mkdir()
    (tmp_path / "runner/.env").write_text("RESIDENT_NAME=ada\n")
    (tmp_path / "claude-runner.toml").write_text("")
    (tmp_path / "lost+found").mkdir()
    report = init_home(settings_for(tmp_path), now=NOW, environ=NO_GIT)
    assert report.fresh
    assert (tmp_path / "runner/.env").read_text() == "RESIDENT_NAME=ada\n"
    assert "You are Ada." in (tmp_path / "memory/identity.md").read_text()


def test_unusable_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the home's place, or above it, and a folder that can't be listed are clear errors."""
    (tmp_path / "f").write_text("")
    with pytest.raises(UnusableHome, match="can't be made: something that is not a folder"):
        init_home(settings_for(tmp_path / "f"), now=NOW)
    with pytest.raises(UnusableHome, match="can't be made: Not a directory"):
        init_home(settings_for(tmp_path / "f" / "h"), now=NOW)

    def closed(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(UnusableHome, match="can't be read: Permission denied"):
        init_home(settings_for(tmp_path), now=NOW)


def test_a_served_home(tmp_path: Path) -> None:
    """While a process serves the home, init keeps out."""
    settings = settings_for(tmp_path)
    init_home(settings, now=NOW, environ=NO_GIT)
    with HomeLock.acquire(tmp_path, now=NOW), pytest.raises(HomeInUse):
        init_home(settings, now=NOW, environ=NO_GIT)


def test_cut_off_and_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A making that was cut off is finished the next time, with the dates of the first."""
    settings = settings_for(tmp_path / "h")

    def cut_off(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("runner.home.git.make_repository", cut_off)
    with pytest.raises(KeyboardInterrupt):
        init_home(settings, now=NOW, demo=True, environ=NO_GIT)
    mark = made_by_init(settings.paths)
    assert mark is not None
    assert mark.complete is False
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "h/thoughts")
    report = init_home(settings, now=NOW + timedelta(days=3), environ=NO_GIT)
    assert report.fresh
    mark = made_by_init(settings.paths)
    assert mark is not None
    assert (mark.at, mark.demo, mark.complete) == (NOW, True, True)
    assert (tmp_path / "h/thoughts/2026-03-07-dusk.md").is_file()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"at": 5}', '{"at": "x", "demo": 1, "complete": 1}'])
def test_a_broken_mark_is_none(tmp_path: Path, content: str) -> None:
    """A mark that can't be read counts as not made by init, which keeps the rehearsal out of a life."""
    settings = settings_for(tmp_path)
    settings.paths.data.mkdir()
    settings.paths.made_by_init.write_text(content)
    assert made_by_init(settings.paths) is None


# the small life


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the small life."""
    home = tmp_path_factory.mktemp("demo") / "home"
    init_home(settings_for(home, OWNER_NAME='jo "the" smith', RESIDENT_NAME="ada"), now=NOW, demo=True, environ=NO_GIT)
    return home


def front(path: Path) -> dict[str, object]:
    match = re.fullmatch(r"---\n(.*?)\n---\n(.+)", path.read_text(encoding="utf-8"), re.DOTALL)
    assert match, path
    assert match[2].strip()
    value = yaml.safe_load(match[1])
    assert isinstance(value, dict)
    return value


def test_demo_thoughts(demo: Path) -> None:
    """A dozen thoughts or more, over the days before today, each with title, mood, and the time of its slot."""
    thoughts = sorted((demo / "thoughts").iterdir())
    assert len(thoughts) >= 12
    for path in thoughts:
        day, slot = path.stem[:10], path.stem[11:]
        facts = front(path)
        assert facts["date"] == day < TODAY
        assert facts["title"]
        assert facts["mood"]
        written = datetime.fromtimestamp(path.stat().st_mtime, tz=settings_for(demo).resident.zone)
        assert written.date().isoformat() == day, path
        assert slot in {"midnight", "late_night", "morning", "midmorning", "noon", "afternoon", "dusk", "evening"}
        assert written < NOW
    assert len({path.stem[:10] for path in thoughts}) >= 5


def test_demo_other_pages(demo: Path) -> None:
    """Dreams, essays, a letter, scores, books, a program and projects, in the forms their readers expect."""
    assert {front(path)["type"] for path in (demo / "dreams").iterdir()} >= {"poetry", "ascii", "prose"}
    assert all(isinstance(front(path)["immersive"], bool) for path in (demo / "dreams").iterdir())
    for folder in ("essays", "letters", "scores", "bookshelf", "news"):
        for path in (demo / folder).iterdir():
            facts = front(path)
            assert facts["date"] < TODAY  # type: ignore[operator] # a text, as the test of its form shows
            assert facts["title"]
    assert (demo / "letters/dear-tomorrow.md").is_file()
    for name in everything(demo):
        if name.split("/")[0] in {"dreams", "essays", "letters", "scores", "bookshelf", "thoughts", "news"}:
            assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]*\.md", name.split("/")[1]), name
    records = [json.loads(line) for line in (demo / "inner-thread/thread.jsonl").read_text().splitlines()]
    assert all(set(record) == {"id", "ts", "session", "day", "type", "body", "tags"} for record in records)
    memories = json.loads((demo / "projects/memories.json").read_text())
    assert all(set(memory) == {"text", "date"} for memory in memories)
    done = subprocess.run(
        (sys.executable, str(demo / "sandbox/tides.py")), capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.startswith("Selkä, high water, about:")
    assert len(done.stdout.splitlines()) == 9


def test_no_open_words(demo: Path) -> None:
    """No page leaves a word open; names stand where they belong, also in JSON."""
    pages = everything(demo)
    assert not [name for name, content in pages.items() if b"@{" in content]
    assert 'Jo "the" smith keeps the house' in pages["about/about.md"].decode()
    assert json.loads(pages["landing-page/landing.json"])["subheadline"].startswith("Ada wakes")


def test_unknown_words_are_noticed(tmp_path: Path) -> None:
    """A page that asks for a word nobody has is an error of ours, found when it is filled in."""
    (tmp_path / "a.md").write_text("@{colour}")
    words = Words(settings_for(tmp_path).resident, tmp_path, NOW)
    with pytest.raises(ValueError, match="asks for the word 'colour'"):
        list(pages_of(tmp_path, words))


def test_every_word(tmp_path: Path) -> None:
    """Names, places and days counted back in the home's zone."""
    (tmp_path / "a.md").write_text(
        "@{resident} @{Resident} @{owner} @{Owner} @{city} @{home} @{date:1} @{weekday:1} @{stamp:0} @{date:7}"
    )
    words = Words(settings_for(tmp_path).resident, tmp_path, NOW)
    (page,) = pages_of(tmp_path, words)
    assert page.text == (
        f"claudie Claudie dinesh Dinesh Helsinki {tmp_path} 2026-03-07 Saturday 2026-03-08T12:00:00-04:00 2026-03-01"
    )


# the repository


def test_repository(tmp_path: Path) -> None:
    """The first commit on main holds the life and nothing private, under the resident's name."""
    settings = settings_for(tmp_path / "h", RESIDENT_NAME="Ada L")
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_DIR": "/elsewhere", "GIT_INDEX_FILE": "x"}
    report = init_home(settings, now=NOW, demo=True, environ=surroundings)
    home = settings.home
    assert report.git == "the home is a git repository on branch main"
    assert git(home, "log", "--format=%an <%ae> %s").strip() == "Ada L <ada-l@localhost> The beginning"
    assert git(home, "branch", "--show-current").strip() == "main"
    tracked = set(git(home, "ls-files").splitlines())
    assert {"prompt/prompt.md", "voice.md", "CLAUDE.md", ".gitignore", "memory/memory.md"} <= tracked
    folders = {folder.name for folder in FOLDERS if folder.tracked} | {"prompt"}
    assert {name.split("/")[0] for name in tracked if "/" in name} <= folders
    for name in (
        "data/x",
        "runner/.env",
        "sandbox/.env",
        "sandbox/a.pem",
        "prompt/old.md",
        "new-folder/x",
        "sessions.db",
    ):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text("x")
    assert git(home, "status", "--porcelain") == ""
    (home / "thoughts/new.md").write_text("x")
    assert git(home, "status", "--porcelain").strip() == "?? thoughts/new.md"


def test_existing_repository(tmp_path: Path) -> None:
    """A repository that is there is left as it is, its ignore file included."""
    (tmp_path / ".git").mkdir()
    assert make_repository(tmp_path, name="ada", environ=NO_GIT) == "the home is a git repository already"
    assert not (tmp_path / ".gitignore").exists()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo first >&2; echo 'fatal: no' >&2; exit 3", "git init failed: fatal: no"),
        ("exit 3", "git init failed: exit code 3"),
        ("exec sleep 30", "git init took longer than 0.2 seconds"),
    ],
)
def test_git_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, says: str) -> None:
    """A git that fails or hangs is told about and stops nothing."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "git").chmod(0o755)
    monkeypatch.setattr("runner.home.git.SECONDS", 0.2)
    report = init_home(settings_for(tmp_path / "h"), now=NOW, environ={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert report.fresh
    assert report.git.startswith(says)


def test_a_name_without_letters(tmp_path: Path) -> None:
    """A resident whose name has no plain letters still gets an address."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    (tmp_path / "voice.md").write_text("x")
    assert make_repository(tmp_path, name="小克", environ=environ).endswith("on branch main")
    assert git(tmp_path, "log", "--format=%an <%ae>").strip() == "小克 <resident@localhost>"
    assert "/*" in ignore_file().splitlines()


def test_no_settings_of_a_user_run_programs_over_the_home(tmp_path: Path) -> None:
    """Filters, hooks, a watcher and an ignore file of the user have no say: nothing runs, and every page is kept."""
    user, home, mark = tmp_path / "user", tmp_path / "home", tmp_path / "it-ran"
    program = user / "run.sh"
    for name in ("hooks", "template/hooks"):
        (user / name).mkdir(parents=True)
    for path in (program, user / "hooks" / "pre-commit", user / "template" / "hooks" / "pre-commit"):
        path.write_text(f"#!/bin/sh\necho {path.name} >>{mark}\ncat\n")
        path.chmod(0o755)
    (user / "all").write_text("*\n")
    (user / "attributes").write_text("* filter=x\n")
    (user / ".gitconfig").write_text(
        f"[core]\nhooksPath = {user}/hooks\nfsmonitor = {program}\nexcludesFile = {user}/all\n"
        f'attributesFile = {user}/attributes\n[filter "x"]\nclean = {program}\n'
        f"[init]\ntemplateDir = {user}/template\n[commit]\ngpgsign = true\n[gpg]\nprogram = {program}\n"
    )
    environ = {"PATH": os.environ["PATH"], "HOME": str(user)}
    report = init_home(settings_for(home), now=NOW, environ=environ)
    assert report.git == "the home is a git repository on branch main"
    assert not mark.exists()
    assert {"prompt/prompt.md", "voice.md", "memory/memory.md"} <= set(git(home, "ls-files").splitlines())
