"""The house itself: what may lie in the repository, and whether what is written about it is true."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.settings import declared_options
from tests.support import suites

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 600
LONGEST_ROOM = 500
SHARED_NAMES = {"Hit", "Question"}
TOP_LEVEL = {
    "pyproject.toml", "runner", "actors", "web", "prompts", "tests", "config", "Procfile",
    "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile", "constraints.txt",
}  # fmt: skip
# written in pieces, so that this file passes its own test
MARKS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
MACHINE_PATHS = re.compile(
    r"(?<![\w.~$}])/(" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me/user", "opt/" + "wheels")) + r")(/|\b)"
)
REGISTRY_HOSTS = re.compile(
    "|".join(("pypi\\." + "org", "python" + "hosted", "registry\\." + "npmjs", "deb\\." + "debian"))
)
TEXT = {
    ".py",
    ".toml",
    ".md",
    ".j2",
    ".html",
    ".css",
    ".js",
    ".yml",
    ".json",
    ".service",
    ".txt",
    ".cfg",
    ".sh",
    ".svg",
    "",
}


def tracked() -> list[Path]:
    """Every file of the repository: what git knows, and what it would take."""
    listed = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "-C",
            str(ROOT),
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file with its text."""
    for path in tracked():
        if path.suffix in TEXT and path.name != "LICENSE":
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def found(pattern: re.Pattern[str]) -> list[str]:
    """Every line of every text file that has the pattern in it."""
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_lies_about_at_the_top() -> None:
    """Beside the agreed names the top holds only dotfiles."""
    names = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_no_paths_of_one_machine() -> None:
    """No file names a folder that only one machine has."""
    assert found(MACHINE_PATHS) == []


def test_no_registry_hosts() -> None:
    """No file names the host of a package registry or a mirror: that is each machine's own setting."""
    assert found(REGISTRY_HOSTS) == []


def test_no_marks_of_unfinished_work() -> None:
    """What is not done is in an issue, not in a comment."""
    assert found(MARKS) == []


def test_no_file_is_too_long_to_read() -> None:
    """Files end before their reader does."""
    long = {str(path): len(text.splitlines()) for path, text in texts() if path.name != "package-lock.json"}
    assert {path: lines for path, lines in long.items() if lines > LONGEST_FILE} == {}
    rooms = ("runner/", "actors/", "web/")
    assert {path: lines for path, lines in long.items() if path.startswith(rooms) and lines > LONGEST_ROOM} == {}


def test_a_class_name_has_one_meaning() -> None:
    """No two public classes of the program are called the same, but for shapes that the API's description names."""
    homes: dict[str, list[str]] = {}
    for path, text in texts():
        if path.suffix == ".py" and path.parts[0] in {"runner", "actors", "web"}:
            for name in re.findall(r"^class ([A-Z]\w*)", text, re.MULTILINE):
                homes.setdefault(name, []).append(str(path))
    assert {name for name, files in homes.items() if len(files) > 1} == SHARED_NAMES


def test_every_test_says_what_must_hold() -> None:
    """Each test function has a docstring."""
    silent = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.name.startswith("test_")
                and not ast.get_docstring(node)
            ):
                silent.append(f"{path.relative_to(ROOT)}: {node.name}")  # noqa: PERF401 - nested loops read better
    assert silent == []


def test_tests_mirror_the_tree() -> None:
    """Each folder of tests that mirrors a package has a package to mirror."""
    for mirror in ("runner", "actors", "web"):
        folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests" / mirror).rglob("test_*.py")}
        assert [str(folder) for folder in folders if not (ROOT / folder).is_dir()] == []


def test_importing_the_packages_does_nothing() -> None:
    """Every module can be imported with nothing around it, without a word and without touching a file."""
    program = (
        "import importlib, pkgutil, runner, actors, web\n"
        "for package in (runner, actors, web):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={"PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_make_targets_of_the_readme_exist() -> None:
    """Every `make …` that a document names is a target of the Makefile, and each has a line in `make help`."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    named = set()
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "config/systemd/README.md", ".ci/run"):
        named |= set(re.findall(r"(?:^|`|\s)make ([a-z][a-z-]+)(?=[`\s,]|$)", _code(ROOT / name), re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= targets
    helped = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, check=True, text=True, timeout=60)
    assert all(f"make {target}" in helped.stdout for target in targets)


def _code(path: Path) -> str:
    """What stands in backticks or code blocks of a markdown file; the whole of any other."""
    text = path.read_text()
    if path.suffix != ".md":
        return text
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`[^`\n]+`", text)])


def test_commands_of_the_readme_exist() -> None:
    """Every `claude-runner …` that the documents name is a command of the program."""
    known = set()
    for path in (ROOT / "runner" / "cli").glob("*.py"):
        known |= set(re.findall(r'app\.command\("([a-z-]+)"\)', path.read_text()))
    named = set()
    for name in ("README.md", "CHANGELOG.md", "config/systemd/README.md"):
        named |= set(re.findall(r"(?:^|bin/|[`\s])claude-runner ([a-z][a-z-]+)", _code(ROOT / name)))
    assert named - {"up"} <= known


def test_files_that_the_documents_link_to_exist() -> None:
    """Relative links and pictures lead somewhere."""
    broken = []
    for path in (path for path in tracked() if path.suffix == ".md" and "config/home" not in str(path)):
        for target in re.findall(r"\]\(([^)#:\s]+)\)", path.read_text()):
            if not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)} -> {target}")  # noqa: PERF401 - as above
    assert broken == []


def test_every_setting_is_documented_where_it_is_declared() -> None:
    """Each setting has an environment name of its own and a line of meaning, and documents name only known ones."""
    options = declared_options().values()
    names = [option.env for option in options]
    assert len(set(names)) == len(names)
    assert all(option.env and option.about for option in options)
    used = set(re.findall(r"`([A-Z][A-Z_]{4,})(?:=[^`]*)?`", (ROOT / "README.md").read_text()))
    assert used - set(names) - {"HOME_FOLDER"} == set()


def test_everything_installed_is_pinned() -> None:
    """Each declared dependency has its exact version in constraints.txt, and no line there points into one machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in lines)
    pinned = {line.partition("==")[0] for line in lines}
    declared = {re.split(r"[\[<>=!~ ]", name)[0].lower().replace("_", "-") for name in wanted}
    assert declared <= pinned
    assert "torch==2.13.0" in lines


def test_the_shared_scripts_are_programs() -> None:
    """What continuous integration calls can be executed, and the workflows call nothing but the Makefile."""
    assert all(os.access(ROOT / ".ci" / name, os.X_OK) for name in ("run", "setup-test"))
    for name in ("quality.yml", "delivery.yml"):
        runs = re.findall(r"- run: (\S+)", (ROOT / ".github" / "workflows" / name).read_text())
        assert set(runs) <= {"make", "docker"}
    assert (ROOT / "Procfile").read_text().startswith("web: python -m runner")


def test_the_unit_is_what_systemd_understands(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing at all about the unit, and its exposure stays low."""
    analyze = shutil.which("systemd-analyze")
    assert analyze is not None, "run `make setup-test`: it installs systemd-analyze"
    unit = (ROOT / "config" / "systemd" / "claude-runner.service").read_text()
    copy = tmp_path / "claude-runner.service"
    # the program is not installed at its place here
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", unit, flags=re.MULTILINE))
    verify = subprocess.run([analyze, "verify", str(copy)], capture_output=True, check=False, text=True, timeout=60)
    assert (verify.returncode, verify.stderr) == (0, "")
    security = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(copy)],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", security.stdout)
    assert exposure is not None
    assert float(exposure[1]) < 2
    for line in (
        "Type=notify", "KillMode=mixed", "TimeoutStopSec=30", "Restart=on-failure", "RestartSec=2",
        "RestartPreventExitStatus=2 75 78",
    ):  # fmt: skip
        assert f"\n{line}\n" in unit
    assert re.search(r"^WatchdogSec=\d+$", unit, re.MULTILINE)


def test_benchmarks_and_soaks_are_found_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite runs its modules, or those named, hands options on, and gives the worst exit code."""
    folder = tmp_path / "asuite"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "bench_a.py").write_text("def main(argv):\n    return len(argv)\n")
    (folder / "bench_b.py").write_text("def main(argv):\n    return 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert suites.run_suite("asuite", "bench_", []) == 0
    assert suites.run_suite("asuite", "bench_", ["a", "--json"]) == 1
    assert suites.run_suite("asuite", "bench_", ["bench_b", "--json"]) == 0
    assert suites.run_suite("asuite", "bench_", ["c"]) == 2
    assert suites.run_suite("asuite", "soak_", []) == 0
