from pathlib import Path

import pytest

from runner.content import Catalogue, Kinds, read_kinds
from runner.resources import config_dir


@pytest.fixture
def kinds() -> Kinds:
    return read_kinds(config_dir() / "content.toml")


@pytest.fixture
def empty(tmp_path: Path, kinds: Kinds) -> Catalogue:
    return Catalogue.empty(kinds, tmp_path)
