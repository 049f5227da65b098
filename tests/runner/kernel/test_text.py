"""Errors and places as text."""

import pytest
import trio
import trio.testing

from runner.kernel.text import clip, error_text, leaves, summary, where_cancelled, where_waiting


def test_kept_errors_are_at_most_eight_kib() -> None:
    """Of a huge error the beginning and the end are kept, in at most 8 KiB of UTF-8."""
    text = error_text(ValueError("é" * 100_000 + "the end"))
    assert len(text.encode()) <= 8 * 1024
    assert text.endswith("the end\n")
    assert "[...]" in text


def test_short_text_is_kept_whole() -> None:
    """Text within the limit is unchanged."""
    assert clip("as it is") == "as it is"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "ValueError: one"),
        (ValueError(), "ValueError"),
        (ExceptionGroup("g", [ExceptionGroup("h", [KeyError("k")]), OSError("o")]), "KeyError: 'k'"),
    ],
)
def test_a_summary_is_one_line_of_the_first_error(error: BaseException, line: str) -> None:
    """The class and first line of the first inner error."""
    assert summary(error) == line


def test_leaves_are_all_inner_errors() -> None:
    """Groups are opened at every depth."""
    group = ExceptionGroup("g", [ValueError("a"), ExceptionGroup("h", [ValueError("b"), ValueError("c")])])
    assert [str(leaf) for leaf in leaves(group)] == ["a", "b", "c"]


async def test_where_a_task_waits_is_found_through_its_children(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """The places of a task and of the tasks under it are named, without trio's own frames."""
    tasks: list[trio.lowlevel.Task] = []

    async def inner() -> None:
        await trio.sleep_forever()

    async def outer() -> None:
        tasks.append(trio.lowlevel.current_task())
        async with trio.open_nursery() as below:
            below.start_soon(inner)

    nursery.start_soon(outer)
    await trio.testing.wait_all_tasks_blocked()
    where = where_waiting(tasks[0])
    assert "outer" in where
    assert "inner" in where
    assert "sleep_forever" not in where


def test_an_error_without_a_place_has_none() -> None:
    """Something that is not a Cancelled, or has no traceback, gives no place."""
    assert where_cancelled(ValueError("x")) == ""
