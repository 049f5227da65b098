"""The kernel's public surface."""

import ast
import inspect
from pathlib import Path

import runner.kernel

ALLOWED = {"trio", "attrs", "runner"}


def test_every_public_name_is_there_and_documented() -> None:
    """`__all__` is sorted, complete, and each class has a docstring."""
    names = runner.kernel.__all__
    assert names == sorted(names)
    for name in names:
        assert inspect.getdoc(getattr(runner.kernel, name)), name


def test_the_kernel_knows_nothing_of_the_product() -> None:
    """Its modules import the standard library, trio, attrs and each other."""
    import sys

    for path in Path(runner.kernel.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for module in modules:
                root = module.partition(".")[0]
                assert root in ALLOWED | sys.stdlib_module_names, f"{path.name} imports {module}"
                assert root != "runner" or module.startswith("runner.kernel"), f"{path.name} imports {module}"
