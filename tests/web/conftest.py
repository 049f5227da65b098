from pathlib import Path

import pytest

from tests.support.site import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A home with nothing in it but its folders."""
    return World(tmp_path)
