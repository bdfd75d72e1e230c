"""Time that has passed, also while the process was stopped or its machine suspended."""

from __future__ import annotations

import time

# Whichever says that more time has passed is believed.
_CLOCKS = (getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC), time.CLOCK_REALTIME)


class Moment:
    """A moment, from which time is counted."""

    def __init__(self) -> None:
        self._shown = [time.clock_gettime(clock) for clock in _CLOCKS]

    def elapsed(self) -> float:
        """Seconds since then, never fewer than have passed."""
        shown = (time.clock_gettime(clock) for clock in _CLOCKS)
        return max(now - then for now, then in zip(shown, self._shown))
