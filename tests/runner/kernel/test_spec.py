"""Child specs that cannot work are refused when they are built."""

import math
from typing import Any

import pytest

from runner.kernel import Backoff, ChildSpec, Intensity, Mailbox, Restart, SpecError
from tests.runner.kernel.support import Box, Do, acting, idle


def test_the_defaults_are_those_of_the_house() -> None:
    """A spec without numbers has the documented ones."""
    box: Box = Mailbox("a", capacity=1)
    spec = ChildSpec(name="a", factory=acting(idle), mailbox=box)
    assert (spec.start_limit, spec.handler_limit, spec.silence_limit) == (10, 30, math.inf)
    assert (spec.grace, spec.cancel_grace, spec.restart) == (2, 5, Restart.PERMANENT)
    assert (spec.intensity, spec.backoff) == (Intensity(6, 60), Backoff())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": ""}, "a name is needed"),
        ({"name": "a/b"}, "a name is needed"),
        ({"start_limit": 0}, "start_limit is 0"),
        ({"handler_limit": -1}, "handler_limit is -1"),
        ({"silence_limit": math.nan}, "silence_limit is nan"),
        ({"grace": -1}, "grace is -1"),
        ({"grace": math.inf}, "grace is inf"),
        ({"cancel_grace": math.inf}, "cancel_grace is inf"),
        ({"significant": True}, "cannot be significant"),
        ({"intensity": Intensity(5, 60)}, "less than twice the 3 attempts"),
        ({"intensity": Intensity(10, 60), "backoff": Backoff(first=0.5, ceiling=30)}, "without failing"),
    ],
)
def test_what_cannot_work_is_refused(wrong: dict[str, Any], says: str) -> None:
    """The error names the child and what is wrong."""
    box: Box = Mailbox("a", capacity=1)
    settings: dict[str, Any] = {"name": "a", "factory": acting(idle), "mailbox": box} | wrong
    with pytest.raises(SpecError, match=says):
        ChildSpec(**settings)


def test_without_a_mailbox_any_intensity_will_do() -> None:
    """Attempts are a matter of messages: a child without a mailbox may be given up at its first failure."""
    assert ChildSpec(name="a", factory=acting(idle), intensity=Intensity(0, 60)).intensity.restarts == 0


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"max_attempts": 0}, {"capacity": 0}])
def test_an_impossible_mailbox_is_refused(wrong: dict[str, int]) -> None:
    """A mailbox needs room, a hand and an attempt."""
    settings: dict[str, Any] = {"capacity": 1} | wrong
    with pytest.raises(SpecError):
        Mailbox[Do]("a", **settings)
