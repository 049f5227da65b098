"""Data files of the program are found in a checkout and in an installed package."""

from pathlib import Path

import pytest

from runner import resources
from runner.errors import ResourceMissing


def test_checkout() -> None:
    """In a checkout the folders stand beside the package."""
    assert (resources.config_dir() / "default.toml").is_file()
    assert resources.prompts_dir().is_dir()


def test_installed(tmp_path: Path) -> None:
    """In an installed package its own copy is taken, also when somebody else's folder of that name lies beside it."""
    package = tmp_path / "runner"
    (package / "_shipped" / "config").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    assert resources.find("config", package=package) == package / "_shipped" / "config"


def test_missing(tmp_path: Path) -> None:
    """When there is none, the error names both places it looked in."""
    with pytest.raises(ResourceMissing, match="_shipped/config and .*install the program again"):
        resources.find("config", package=tmp_path / "runner")
