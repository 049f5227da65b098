"""The git hook against real repositories and a real bare remote."""

import os
import stat
from pathlib import Path

import pytest
import trio

from runner.session.hooks import git
from runner.session.hooks.base import HookFailedError, NotDueError, Verdict
from runner.session.repository.tool import environment
from tests.runner.session.stage import make_home
from tests.support.life import context, make_life, run_git, surroundings


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """Surroundings with a HOME of their own and a secret that git must not get."""
    return surroundings(tmp_path)


async def test_the_public_part_of_the_life_is_committed(tmp_path: Path, around: dict[str, str]) -> None:
    """Tracked paths alone, deletions too; missing and empty ones hinder nobody; subject and author as agreed."""
    home = make_life(tmp_path)
    for name in ("thoughts/a.md", "dreams/gone.md", "voice.md", "data/private.json", "visitors/letter.md"):
        (home / name).write_text(name)
    assert await git.run(context(home, around)) is Verdict.DONE
    assert run_git(home, "ls-files").split() == [
        "dreams/gone.md",
        "memory/memory.md",
        "prompt/prompt.md",
        "thoughts/a.md",
        "voice.md",
    ]
    (home / "dreams" / "gone.md").unlink()
    (home / "voice.md").unlink()
    assert await git.run(context(home, around)) is Verdict.DONE
    assert "gone" not in run_git(home, "ls-files")
    assert "voice" not in run_git(home, "ls-files")
    subjects = run_git(home, "log", "--format=%s|%an|%b").splitlines()
    assert subjects == ["Session: noon - 2026-03-02 09:20 EST|keeper|"] * 2 + ["begin|keeper|"]
    with pytest.raises(NotDueError, match="nothing changed"):
        await git.run(context(home, around))


async def test_what_the_operator_staged_elsewhere_is_not_taken_along(tmp_path: Path, around: dict[str, str]) -> None:
    """The commit holds the tracked paths; an index with more in it keeps that."""
    home = make_life(tmp_path)
    (home / "private.md").write_text("x")
    run_git(home, "add", "private.md")
    assert await git.run(context(home, around)) is Verdict.DONE
    assert "private.md" not in run_git(home, "ls-tree", "-r", "--name-only", "HEAD")
    assert run_git(home, "diff", "--cached", "--name-only") == "private.md"


async def test_one_bad_path_keeps_none_of_the_others(tmp_path: Path, around: dict[str, str]) -> None:
    """The rest of its own folder is committed, and the hook has failed with the path's name."""
    home = make_life(tmp_path)
    (home / "thoughts" / "a.md").write_text("x")
    (home / "dreams" / "git~1").mkdir()  # a name that git refuses everywhere, because some systems read it as .git
    (home / "dreams" / "git~1" / "b.md").write_text("x")
    (home / "dreams" / "c.md").write_text("x")
    with pytest.raises(HookFailedError, match="dreams/git~1/b.md not added"):
        await git.run(context(home, around))
    assert {"thoughts/a.md", "dreams/c.md"} <= set(run_git(home, "ls-tree", "-r", "--name-only", "HEAD").split())


async def test_a_commit_reaches_the_remote(tmp_path: Path, around: dict[str, str]) -> None:
    """`auto` pushes where there is an origin; `false` does not; `true` wants one."""
    home = make_life(tmp_path, remote=True)
    assert await git.run(context(home, around, "false")) is Verdict.DONE
    assert run_git(tmp_path / "remote.git", "branch") == ""
    assert await git.run(context(home, around)) is Verdict.DONE
    assert run_git(tmp_path / "remote.git", "rev-parse", "main") == run_git(home, "rev-parse", "HEAD")
    with pytest.raises(NotDueError):
        await git.run(context(home, around))
    run_git(home, "remote", "remove", "origin")
    with pytest.raises(HookFailedError, match="has no remote origin"):
        await git.run(context(home, around, "true"))


async def test_a_failed_push_is_a_failure_and_made_up_for(tmp_path: Path, around: dict[str, str]) -> None:
    """The commit stays; the next session pushes both, though it changed nothing."""
    home = make_life(tmp_path, remote=True)
    (tmp_path / "remote.git").rename(tmp_path / "away.git")
    with pytest.raises(HookFailedError, match="not pushed, tried again"):
        await git.run(context(home, around))
    (tmp_path / "away.git").rename(tmp_path / "remote.git")
    assert await git.run(context(home, around)) is Verdict.DONE
    assert run_git(tmp_path / "remote.git", "rev-parse", "main") == run_git(home, "rev-parse", "HEAD")


async def test_only_a_stale_lock_is_removed(tmp_path: Path, around: dict[str, str]) -> None:
    """What a git that runs now holds is respected; what one left ten minutes ago is not."""
    home = make_life(tmp_path)
    lock = home / ".git" / "index.lock"
    lock.touch()
    with pytest.raises(HookFailedError, match="index.lock"):
        await git.run(context(home, around))
    assert lock.exists()
    os.utime(lock, (lock.stat().st_mtime - 601,) * 2)
    assert await git.run(context(home, around)) is Verdict.DONE
    assert not lock.exists()


async def test_no_repository_and_no_author(tmp_path: Path, around: dict[str, str]) -> None:
    """A home inside somebody's repository is none; where nobody is named the resident is the author."""
    run_git(tmp_path, "init", "--quiet")
    home = make_home(tmp_path)
    with pytest.raises(NotDueError, match="no git repository"):
        await git.run(context(home, around))
    run_git(home, "init", "--quiet", "--initial-branch=main")
    assert await git.run(context(home, around)) is Verdict.DONE
    assert run_git(home, "log", "--format=%an <%ae>") == "claudie <claudie@localhost>"


async def test_git_is_given_little_and_runs_nothing_of_the_home(tmp_path: Path, around: dict[str, str]) -> None:
    """No secret in its environment, nobody asked at a terminal, and no hook that the resident could have put there."""
    home = make_life(tmp_path)
    hook = home / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(stat.S_IRWXU)
    assert await git.run(context(home, around)) is Verdict.DONE
    known = environment(around, home)
    assert known["GIT_TERMINAL_PROMPT"] == "0"
    assert {"ANTHROPIC_API_KEY", "GIT_DIR"}.isdisjoint(known)


async def test_a_git_that_hangs_is_ended_with_its_caller(tmp_path: Path, around: dict[str, str]) -> None:
    """The hook's deadline reaches the program in its thread, and what that has started."""
    home = make_life(tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    slow = programs / "git"
    slow.write_text(f"#!/bin/sh\nsleep 100 &\necho $! >{tmp_path}/pid\nwait\n")
    slow.chmod(stat.S_IRWXU)
    slowed = {**around, "PATH": f"{programs}:{around['PATH']}"}
    with trio.fail_after(10), trio.move_on_after(2) as scope:
        await git.run(context(home, slowed))
    assert scope.cancelled_caught
    pid = int((tmp_path / "pid").read_text())
    with trio.fail_after(5):
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            await trio.sleep(0.01)  # the kernel takes a moment to bury it
