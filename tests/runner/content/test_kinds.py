from pathlib import Path

import pytest

from runner.content import Kinds, parse_kinds, read_kinds
from runner.errors import SettingsError


def test_the_shipped_table_has_the_six_kinds(kinds: Kinds) -> None:
    """All six kinds come from the table, with the fields that clients of the API read."""
    fields = {kind.name: [field.name for field in kind.fields] for kind in kinds}
    assert fields == {
        "thoughts": ["mood"],
        "dreams": ["type", "immersive", "lucid", "nightmare"],
        "essays": ["topic"],
        "letters": [],
        "scores": [],
        "bookshelf": ["purpose"],
    }
    assert kinds.get("nothing") is None
    assert kinds.of_folder("dreams") is kinds.get("dreams")
    assert kinds.of_folder("nothing") is None


@pytest.mark.parametrize(
    "text",
    [
        "not toml =",
        '[a]\nfolder = "a"',
        '[a]\nfolder="a"\nsingular="a"\ntitle="A"\nempty=""\ntopic="a"\nfields.x = { type = "number" }',
    ],
)
def test_a_wrong_table_is_told_by_its_path(tmp_path: Path, text: str) -> None:
    """A table that can't be used is a settings error that names the file."""
    path = tmp_path / "content.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"content\.toml"):
        read_kinds(path)


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    """No table is a settings error too."""
    with pytest.raises(SettingsError):
        read_kinds(tmp_path / "none.toml")


def test_an_empty_table_has_no_kinds() -> None:
    """Nothing in, nothing out."""
    assert list(parse_kinds("")) == []
