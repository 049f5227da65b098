"""What keeps commits and pushes from being made is told in words to act on; only what is dead is removed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.children.run import Output
from runner.session.repository import reasons
from runner.session.repository.place import STALE
from tests.support.life import keep, kept, make_life, new_repository, run_git, surroundings

LOCKS = (
    "index.lock",
    "HEAD.lock",
    "config.lock",
    "packed-refs.lock",
    "shallow.lock",
    "refs/heads/main.lock",
    "refs/heads/deep/er/branch.lock",
    "refs/remotes/origin/main.lock",
    "objects/info/commit-graph.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
    "objects/pack/multi-pack-index.lock",
)


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """Surroundings with a user of their own."""
    return surroundings(tmp_path)


def lock(home: Path, name: str, age: float) -> Path:
    """A lock of that age."""
    path = home / ".git" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    return path


async def test_every_stale_lock_is_removed(tmp_path: Path, around: dict[str, str]) -> None:
    """Whatever it locks, what a git left ten minutes ago keeps no words out; the commit reaches the remote."""
    home = make_life(tmp_path, remote=True)
    locks = [lock(home, name, STALE + 1) for name in LOCKS]
    assert await keep(home, around) == "done"
    assert [path for path in locks if path.exists()] == []
    assert run_git(tmp_path / "remote.git", "rev-parse", "main") == run_git(home, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "refs/heads/main.lock"])
async def test_a_lock_that_may_be_held_is_respected_and_named(
    tmp_path: Path, around: dict[str, str], name: str
) -> None:
    """It stays, the hook says which it is and that it goes by itself, and a later session makes up for it."""
    home = make_life(tmp_path)
    held = lock(home, name, 60)
    said = await keep(home, around)
    assert held.name in said
    assert "older than 10 minutes is removed by itself" in said
    assert f"({held.name}, 6" in said
    assert held.exists()
    held.unlink()
    assert await keep(home, around) == "done"


async def test_locks_that_hinder_nothing_hinder_nothing(tmp_path: Path, around: dict[str, str]) -> None:
    """A lock of a part that a commit does not write is left to whoever holds it."""
    home = make_life(tmp_path)
    held = [lock(home, name, 60) for name in ("config.lock", "refs/heads/other.lock", "shallow.lock")]
    assert await keep(home, around) == "done"
    assert all(path.exists() for path in held)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MERGE_HEAD", "git merge --continue"),
        ("CHERRY_PICK_HEAD", "git cherry-pick --abort"),
        ("REVERT_HEAD", "git revert --continue"),
        ("rebase-merge", "git rebase --continue"),
    ],
)
async def test_what_is_under_way_is_not_disturbed(
    tmp_path: Path, around: dict[str, str], name: str, words: str
) -> None:
    """In the middle of somebody's merge nothing is committed, and the words say how to end it."""
    home = make_life(tmp_path)
    (home / ".git" / name).mkdir() if name == "rebase-merge" else (home / ".git" / name).write_text("x")
    assert words in await keep(home, around)
    assert kept(home) == {}


async def test_a_detached_head_is_told_and_its_words_are_kept(tmp_path: Path, around: dict[str, str]) -> None:
    """The commit is made where HEAD is, nothing is pushed, and the hook says how to get out, each time."""
    home = make_life(tmp_path, remote=True)
    run_git(home, "checkout", "--quiet", "--detach")
    assert "HEAD is detached" in await keep(home, around)
    assert "memory/memory.md" in kept(home)
    assert "git switch" in await keep(home, around)
    assert run_git(tmp_path / "remote.git", "branch") == ""


def _diverged(home: Path) -> str:
    other = home.parent / "other"
    new_repository(other)
    run_git(other, "commit", "--quiet", "--allow-empty", "-m", "elsewhere")
    run_git(other, "push", "--quiet", "../remote.git", "main")
    return "diverged.*git pull --rebase"


def _gone(home: Path) -> str:
    (home.parent / "remote.git").rename(home.parent / "away.git")
    return "gone or can't be reached: look at git remote get-url origin"


def _refused(home: Path) -> str:
    hook = home.parent / "remote.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    return "refuses this push by a rule of its own"


def _nobody_listens(home: Path) -> str:
    run_git(home, "remote", "set-url", "origin", "http://user:word@127.0.0.1:9/x.git")
    return "gone or can't be reached"


@pytest.mark.parametrize("spoil", [_diverged, _gone, _refused, _nobody_listens], ids=lambda spoil: spoil.__name__)
async def test_a_push_that_fails_says_why(tmp_path: Path, around: dict[str, str], spoil: Callable[[Path], str]) -> None:
    """The commit stays, and the reason is git's own with what to do about it, and without a password."""
    home = make_life(tmp_path, remote=True)
    words = spoil(home)
    with pytest.raises(AssertionError, match=f"not pushed, tried again after the next session: .*{words}") as failure:
        assert await keep(home, around) == "done"
    assert "user:word" not in str(failure.value)
    assert "memory/memory.md" in kept(home)


async def test_a_path_and_a_push_that_fail_are_both_told(tmp_path: Path, around: dict[str, str]) -> None:
    """What can't be taken keeps nothing from being pushed, and each trouble has its words."""
    home = make_life(tmp_path, remote=True)
    (home / "thoughts" / "git~1").write_text("x")
    _gone(home)
    said = await keep(home, around)
    assert said.startswith("thoughts/git~1 not added: git refuses a file of this name; not pushed")


async def test_signing_is_the_operators_choice(tmp_path: Path, around: dict[str, str]) -> None:
    """Commits are signed when that is configured; without a key the hook fails with what to do, and nothing is lost."""
    home = make_life(tmp_path)
    run_git(home, "config", "commit.gpgsign", "true")
    run_git(home, "config", "gpg.format", "ssh")
    assert "user.signingkey" in await keep(home, around)
    assert kept(home) == {}
    key = tmp_path / "key"
    signer = tmp_path / "signer"
    signer.write_text('#!/bin/sh\nfor last; do :; done\necho "signed by a test" >"$last.sig"\n')
    signer.chmod(0o755)
    key.touch()
    run_git(home, "config", "gpg.ssh.program", str(signer))
    run_git(home, "config", "user.signingkey", str(key))
    assert await keep(home, around) == "done"
    assert "signed by a test" in run_git(home, "cat-file", "-p", "HEAD")


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("error: file write error: No space left on device", "the disk is full"),
        ("fatal: could not read Username for 'https://x.example': terminal prompts disabled", "a credential helper"),
        (
            "git@x.example: Permission denied (publickey).\nfatal: Could not read from remote",
            "a key and the host's name",
        ),
        ("Host key verification failed.", "known_hosts"),
        ("error: gpg failed to sign the data\nfatal: failed to write commit object", "user.signingkey"),
        ("fatal: unable to create temporary file: Read-only file system", "mounted read-only"),
        ("error: insufficient permission for adding an object to repository database .git/objects", "give the"),
        ("fatal: loose object 1234 (stored in .git/objects/12/34) is corrupt", "git fsck"),
        ("fatal: cannot lock ref 'HEAD': is at 1234 but expected 5678", "somebody else committed"),
        ("fatal: unable to access 'https://me:word@x.example/': Could not resolve host: x.example", "can't be reached"),
        ("fatal: something new", "something new"),
    ],
)
def test_reasons_have_advice(said: str, advice: str) -> None:
    """Each known reason keeps git's own words, loses passwords, and is followed by what to do; others stay as said."""
    words = reasons.in_words(Output(128, b"", said))
    assert advice in words
    assert said.splitlines()[0].split(": ")[-1][:20] in words
    assert "word@" not in words


async def test_a_repository_of_the_wrong_kind_is_told(tmp_path: Path, around: dict[str, str]) -> None:
    """A `.git` that is no repository fails with what is missing."""
    home = make_life(tmp_path)
    (home / ".git" / "HEAD").unlink()
    assert "HEAD or objects are missing" in await keep(home, around)
    (home / ".git").rename(tmp_path / "old")
    (home / ".git").write_text("what is this\n")
    assert "should say: gitdir: <folder>" in await keep(home, around)


async def test_nothing_is_left_behind(tmp_path: Path, around: dict[str, str]) -> None:
    """The hook's own folder is gone afterwards, be it well or not."""
    home = make_life(tmp_path)
    assert await keep(home, around) == "done"
    assert not list((home / "data" / "tmp").glob("git-*"))
    (home / "thoughts" / "a.md").write_text("x")
    lock(home, "index.lock", 1)
    assert "index.lock" in await keep(home, around)
    assert not list((home / "data" / "tmp").glob("git-*"))
