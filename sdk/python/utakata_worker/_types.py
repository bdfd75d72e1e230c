"""The task of an action, and the ways in which it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ._clock import Moment

Cure = Literal["retry", "operator", "bug"]


@dataclass(frozen=True)
class Task:
    """One action on one target, once. The parameters are valid by the manifest."""

    target: str
    address: str
    action: str
    #: Whether it changes something.
    control: bool
    parameters: Mapping[str, Any]
    #: What lets the worker in: for this task only, never to be stored or printed.
    credential: Mapping[str, str] = field(repr=False)
    #: Seconds that it may take. Then the function is cancelled.
    timeout: float
    _came: Moment = field(default_factory=Moment, repr=False, compare=False)

    def in_time(self) -> bool:
        """Returns whether there is time left, also when the process was stopped for a while.

        Look immediately before anything is said to the target that changes it, and say no more
        when it is False: somebody else may be at it by then. `NotSent` is how it ends.
        """
        return self._came.elapsed() < self.timeout


@dataclass(frozen=True)
class Reading:
    """One value of one metric, named after OpenTelemetry, with its unit in UCUM."""

    metric: str
    value: float | str
    unit: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    #: The target itself doubts it.
    suspect: bool = False


@dataclass(frozen=True)
class Missing:
    """Values that were asked for and did not come."""

    #: The object, column or table, as the target calls it.
    object: str
    #: A word for programs: "refused", "undecodable", "broken-off", "no-answer", "no-time".
    reason: str
    #: The row of the table; empty: all of it.
    row: str = ""
    #: What happened, in a sentence.
    message: str = ""
    #: How many values; None: nobody knows, as of a table that broke off.
    count: int | None = 1


@dataclass(frozen=True)
class Answer:
    """The answer of an action that saw more than readings."""

    readings: Sequence[Reading] = ()
    #: Anything else, as JSON has it.
    result: Any = None
    #: What did not come: with anything here it succeeded in part, and everybody is told so.
    missing: Sequence[Missing] = ()


class Failure(Exception):
    """It was certainly not done: the target refused, or nothing reached it."""

    def __init__(self, message: str, code: str = "device-refused", cure: Cure = "operator"):
        super().__init__(message)
        self.code, self.cure = code, cure


class NotSent(Failure):
    """Nothing was sent: the target is not there."""

    def __init__(self, message: str, code: str = "unreachable", cure: Cure = "retry"):
        super().__init__(message, code, cure)


class Unknown(Exception):
    """Nobody can know whether it was done. Of what only looks, it is a failure."""

    def __init__(self, message: str, code: str = "no-answer", cure: Cure = "operator"):
        super().__init__(message)
        self.code, self.cure = code, cure
