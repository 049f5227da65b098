"""Programs planted in a home, and configuration that names them: real git after a session runs none."""

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from tests.support.life import Planted, keep, kept, make_life, new_repository, run_git, surroundings, words_of


@attrs.frozen
class Scene:
    """A home, and what a resident or a careless operator has put there."""

    home: Path
    planted: Planted
    around: dict[str, str]

    def config(self, key: str, value: str) -> None:
        """The operator's own, in the home's repository."""
        run_git(self.home, "config", key, value)

    def write(self, path: str, text: str) -> Path:
        """A file of the home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A life with a remote."""
    return Scene(make_life(tmp_path, remote=True), Planted(tmp_path), surroundings(tmp_path))


def _nested(scene: Scene, at: str = "projects/x") -> Path:
    """A repository of the resident's that runs a filter on every file."""
    inner = scene.home / at
    new_repository(inner)
    program = scene.planted.at(inner / "clean.sh")
    for key in ("clean", "smudge", "process"):
        run_git(inner, "config", f"filter.x.{key}", program)
    run_git(inner, "config", "core.fsmonitor", program)
    run_git(inner, "config", "core.hooksPath", str(inner))
    (inner / ".gitattributes").write_text("*.md filter=x diff=x\n")
    (inner / "a.md").write_text("first\n")
    return inner


def nested_repository(scene: Scene) -> None:
    _nested(scene)


def nested_repository_with_commits(scene: Scene) -> None:
    inner = _nested(scene)
    run_git(inner, "-c", "core.fsmonitor=false", "-c", "filter.x.clean=cat", "-c", "filter.x.process=", "add", "a.md")
    run_git(inner, "-c", "core.fsmonitor=false", "commit", "--quiet", "-m", "inner")
    scene.planted.mark.unlink(missing_ok=True)


def link_to_a_repository_in_an_old_commit(scene: Scene) -> None:
    nested_repository_with_commits(scene)
    name = run_git(scene.home / "projects" / "x", "-c", "core.fsmonitor=false", "rev-parse", "HEAD")
    run_git(scene.home, "update-index", "--add", "--cacheinfo", f"160000,{name},projects/x")
    run_git(scene.home, "commit", "--quiet", "-m", "a link")
    scene.planted.mark.unlink(missing_ok=True)


def submodule_with_a_command(scene: Scene) -> None:
    link_to_a_repository_in_an_old_commit(scene)
    program = scene.planted.at(scene.home / "projects" / "update.sh")
    scene.write(".gitmodules", f'[submodule "x"]\n\tpath = projects/x\n\turl = ./x\n\tupdate = !{program}\n')
    scene.config("submodule.recurse", "true")
    scene.config("diff.ignoreSubmodules", "none")
    scene.config("submodule.x.url", "./projects/x")
    scene.config("submodule.x.active", "true")
    scene.config("push.recurseSubmodules", "on-demand")


def git_file_that_points_elsewhere(scene: Scene) -> None:
    _nested(scene, "sandbox/hidden")
    scene.write("projects/x/.git", "gitdir: ../../sandbox/hidden/.git\n")
    scene.write("projects/x/.gitattributes", "*.md filter=x\n")


def bare_repository_of_another_name(scene: Scene) -> None:
    program = scene.planted.at(scene.home / "projects" / "x" / "run.sh")
    run_git(scene.home, "init", "--quiet", "--bare", "projects/x")
    run_git(scene.home / "projects" / "x", "config", "core.fsmonitor", program)
    run_git(scene.home / "projects" / "x", "config", "core.worktree", str(scene.home / "projects" / "x"))


def attributes_that_choose_the_operators_filter(scene: Scene) -> None:
    scene.config("filter.x.clean", scene.planted.at(scene.home.parent / "clean.sh"))
    scene.config("filter.x.required", "true")
    scene.config("diff.x.textconv", scene.planted.at(scene.home.parent / "convert.sh"))
    scene.write("projects/x/.gitattributes", "*.md filter=x diff=x\n")
    scene.write("projects/.gitattributes", "*.md filter=x\n")
    scene.write(".gitattributes", "*.md filter=x\n")  # not committed, so it need not be the operator's


def hooks_of_the_repository(scene: Scene) -> None:
    for name in ("pre-commit", "post-commit", "pre-push", "post-index-change", "reference-transaction", "pre-auto-gc"):
        scene.planted.at(scene.home / ".git" / "hooks" / name)


def hooks_in_a_folder_of_the_home(scene: Scene) -> None:
    for name in ("pre-commit", "post-commit", "pre-push", "post-index-change", "reference-transaction"):
        scene.planted.at(scene.home / "projects" / "hooks" / name)
    scene.config("core.hooksPath", "projects/hooks")


def watcher_of_files(scene: Scene) -> None:
    scene.config("core.fsmonitor", scene.planted.at(scene.home / "projects" / "watch.sh"))


def programs_found_by_name(scene: Scene) -> None:
    scene.planted.at(scene.home / "projects" / "git")
    scene.planted.at(scene.home / "projects" / "git-receive-pack")
    scene.around["PATH"] = os.pathsep.join((str(scene.home / "projects"), "projects", scene.around["PATH"]))


def settings_of_a_user_who_lives_in_the_home(scene: Scene) -> None:
    scene.around["HOME"] = str(scene.home)
    program = scene.planted.at(scene.home / "projects" / "sign.sh")
    scene.write(
        ".gitconfig", f'[gpg]\n\tprogram = {program}\n[commit]\n\tgpgsign = true\n[filter "x"]\n\tclean = cat\n'
    )


PLANTS = (
    nested_repository,
    nested_repository_with_commits,
    link_to_a_repository_in_an_old_commit,
    submodule_with_a_command,
    git_file_that_points_elsewhere,
    bare_repository_of_another_name,
    attributes_that_choose_the_operators_filter,
    hooks_of_the_repository,
    hooks_in_a_folder_of_the_home,
    watcher_of_files,
    programs_found_by_name,
    settings_of_a_user_who_lives_in_the_home,
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
async def test_what_is_planted_does_not_run_and_the_words_are_kept(
    scene: Scene, plant: Callable[[Scene], None]
) -> None:
    """Over two sessions no planted program runs, and the file beside it is committed and pushed as it was written."""
    plant(scene)
    for text in ("first words", "second words"):
        scene.write("projects/x/a.md", text)
        assert await keep(scene.home, scene.around) == "done"
        assert scene.planted.ran == ""
        assert words_of(scene.home, "projects/x/a.md") == text
        assert "commit" not in kept(scene.home).values()
    assert run_git(scene.home.parent / "remote.git", "rev-parse", "main") == run_git(scene.home, "rev-parse", "HEAD")
    assert await keep(scene.home, scene.around) == "not_due"


def include_of_a_file_in_the_home(scene: Scene) -> str:
    program = scene.planted.at(scene.home.parent / "sign.sh")
    scene.write("projects/settings", f"[gpg]\n\tprogram = {program}\n[commit]\n\tgpgsign = true\n")
    scene.config("include.path", "../projects/settings")
    return "includes .*projects/settings, which lies in the home"


def program_for_signatures(scene: Scene) -> str:
    scene.config("commit.gpgsign", "true")
    scene.config("gpg.program", scene.planted.at(scene.home / "projects" / "sign.sh"))
    return "gpg.program names .*projects/sign.sh, which lies in the home"


def relative_program_for_signatures(scene: Scene) -> str:
    scene.planted.at(scene.home / "projects" / "sign.sh")
    scene.config("commit.gpgsign", "true")
    scene.config("gpg.program", "projects/sign.sh")
    return "gpg.program names projects/sign.sh, which lies in the home"


def way_to_the_remote(scene: Scene) -> str:
    scene.config("core.sshCommand", f"sh {scene.planted.at(scene.home / 'projects' / 'ssh.sh')}")
    scene.config("remote.origin.url", "ssh://localhost/x")
    return "core.sshcommand names .*projects/ssh.sh, which lies in the home"


def helper_for_passwords(scene: Scene) -> str:
    scene.config("credential.https://example.com.helper", f"!{scene.planted.at(scene.home / 'projects' / 'word.sh')}")
    return "credential.https://example.com.helper names .*word.sh, which lies in the home"


def filter_that_lies_in_the_home(scene: Scene) -> str:
    scene.config("filter.x.clean", f"sh {scene.planted.at(scene.home / 'projects' / 'clean.sh')} %f")
    return "filter.x.clean names .*clean.sh, which lies in the home"


def remote_in_the_home(scene: Scene) -> str:
    run_git(scene.home, "init", "--quiet", "--bare", "projects/copy")
    for name in ("pre-receive", "update", "post-receive", "reference-transaction"):
        scene.planted.at(scene.home / "projects" / "copy" / "hooks" / name)
    scene.config("remote.origin.url", "projects/copy")
    return "not pushed: the remote origin is projects/copy, which lies in the home"


def repository_that_is_a_file_into_the_home(scene: Scene) -> str:
    (scene.home / "projects").mkdir()
    (scene.home / ".git").rename(scene.home / "projects" / "real")
    (scene.home / ".git").write_text("gitdir: projects/real\n")
    return "leads to .*projects/real, which lies in the home"


def repository_that_is_a_link_into_the_home(scene: Scene) -> str:
    (scene.home / "projects").mkdir()
    (scene.home / ".git").rename(scene.home / "projects" / "real")
    (scene.home / ".git").symlink_to("projects/real")
    return "leads to .*projects/real, which lies in the home"


def remote_that_is_a_command(scene: Scene) -> str:
    scene.config("protocol.ext.allow", "always")
    scene.config("remote.origin.url", f"ext::sh {scene.planted.at(scene.home.parent / 'run.sh')}")
    return "transport 'ext' not allowed"


REFUSED = (
    include_of_a_file_in_the_home,
    program_for_signatures,
    relative_program_for_signatures,
    way_to_the_remote,
    helper_for_passwords,
    filter_that_lies_in_the_home,
    remote_in_the_home,
    repository_that_is_a_file_into_the_home,
    repository_that_is_a_link_into_the_home,
    remote_that_is_a_command,
)


@pytest.mark.parametrize("plant", REFUSED, ids=lambda plant: plant.__name__)
async def test_configuration_that_names_what_lies_in_the_home_is_refused_by_name(
    scene: Scene, plant: Callable[[Scene], str]
) -> None:
    """The hook fails with the key and the path, and what is named there does not run."""
    words = plant(scene)
    scene.write("thoughts/a.md", "x")
    with pytest.raises(AssertionError, match=words):
        assert await keep(scene.home, scene.around) == "done"
    assert scene.planted.ran == ""


async def test_a_filter_runs_where_the_operator_has_committed_so(scene: Scene) -> None:
    """What the operator keeps encrypted is committed encrypted, whatever the resident's attributes say of it."""
    scene.config("filter.rot.clean", "tr a-z n-za-m")
    scene.config("filter.rot.required", "true")
    scene.write(".gitattributes", "memory/** filter=rot\n")
    run_git(scene.home, "add", ".gitattributes")
    run_git(scene.home, "commit", "--quiet", "-m", "keep the memory from readers")
    scene.write("memory/.gitattributes", "* -filter\n")
    scene.write("memory/memory.md", "kestrel")
    scene.write("thoughts/a.md", "kestrel")
    assert await keep(scene.home, scene.around) == "done"
    assert words_of(scene.home, "memory/memory.md") == "xrfgery"
    assert words_of(scene.home, "thoughts/a.md") == "kestrel"


async def test_a_filter_that_fails_keeps_only_its_own_files_out(scene: Scene) -> None:
    """A file that may not be kept as it is stays out and is named; the others are committed."""
    scene.config("filter.crypt.clean", "false")
    scene.config("filter.crypt.required", "true")
    (scene.home / ".git" / "info" / "attributes").write_text("memory/** filter=crypt\n")
    scene.write("thoughts/a.md", "x")
    assert "memory/memory.md not added" in await keep(scene.home, scene.around)
    assert "thoughts/a.md" in kept(scene.home)
    assert "memory/memory.md" not in kept(scene.home)
