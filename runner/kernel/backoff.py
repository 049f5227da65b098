"""How long to wait before a restart, and how many restarts are too many. Pure: time and chance are handed in."""

import random
from collections import deque

import attrs

from runner.kernel.errors import SpecError


@attrs.frozen
class Backoff:
    """The growing pause: none for the first failure after a healthy period, then `first` s, doubled up to `ceiling`."""

    first: float = 0.1
    factor: float = 2.0
    ceiling: float = 5.0
    jitter: float = 0.2
    healthy: float = 60.0
    """Seconds of running after which a failure counts as the first again."""

    def __attrs_post_init__(self) -> None:
        if self.first < 0 or self.factor < 1 or self.ceiling < 0 or not 0 <= self.jitter < 1 or self.healthy < 0:
            msg = f"{self}: first, ceiling and healthy must be at least 0, factor at least 1, jitter in [0, 1)"
            raise SpecError(msg)

    def delay(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait after the `failures`-th failure in a row (1 is the first). Never over `ceiling`."""
        return min(self.ceiling, self._base(failures) * (1 + self.jitter * rng.uniform(-1, 1)))

    def longest(self, failures: int) -> float:
        """The longest `delay` can be."""
        return min(self.ceiling, self._base(failures) * (1 + self.jitter))

    def _base(self, failures: int) -> float:
        if failures <= 1:
            return 0.0
        steps = failures - 2
        try:
            return min(self.ceiling, self.first * self.factor**steps)
        except OverflowError:
            return self.ceiling


@attrs.frozen
class Intensity:
    """At most `restarts` restarts in any `window` seconds; one more is giving up."""

    restarts: int
    window: float

    def __attrs_post_init__(self) -> None:
        if self.restarts < 0 or self.window <= 0:
            msg = f"{self}: restarts must be at least 0 and the window longer than 0 s"
            raise SpecError(msg)


def check_reachable(intensity: Intensity, backoff: Backoff, *, name: str) -> None:
    """Refuse a back-off so slow that the intensity could never be exceeded: `failed` would be unreachable."""
    waiting = 0.0
    for failure in range(1, intensity.restarts + 1):
        longest = backoff.longest(failure)
        if failure > 1 and backoff.longest(failure + 1) == longest:
            waiting += longest * (intensity.restarts - failure + 1)  # it grows no more
            break
        waiting += longest
    if waiting >= intensity.window / 2:
        msg = (
            f"{name}: {intensity.restarts} restarts can take {waiting:g} s of back-off, half the window of"
            f" {intensity.window:g} s or more, so the child could crash for ever without failing; shorten the back-off,"
            " widen the window or allow fewer restarts"
        )
        raise SpecError(msg)


@attrs.define(eq=False)
class RestartWindow:
    """Counts failures in a sliding window."""

    intensity: Intensity
    _times: deque[float] = attrs.field(factory=deque, init=False)

    def add(self, now: float) -> bool:
        """Record a failure; True when the intensity is exceeded by it."""
        self._times.append(now)
        self._drop(now)
        return len(self._times) > self.intensity.restarts

    def count(self, now: float) -> int:
        """Failures in the window that ends now."""
        self._drop(now)
        return len(self._times)

    def clear(self) -> None:
        """Forget them: an operator or a revival gives a fresh chance."""
        self._times.clear()

    def _drop(self, now: float) -> None:
        while self._times and self._times[0] <= now - self.intensity.window:
            self._times.popleft()
