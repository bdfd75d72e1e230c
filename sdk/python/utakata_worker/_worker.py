"""A worker: its actions by name, and its main."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import sys
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Union

from ._session import Refused, Session
from ._types import Answer, Reading, Task

Returned = Union[Answer, Sequence[Reading], None]
Action = Callable[[Task], Union[Returned, Awaitable[Returned]]]

#: As those of the SDK for Rust (sysexits.h).
EXIT_USAGE, EXIT_RELEASE, EXIT_UNAVAILABLE, EXIT_BUILD, EXIT_REFUSED = 64, 65, 69, 70, 78

VARIABLES = ("UTAKATA_ENDPOINT", "UTAKATA_RELEASE")
#: One of them is there.
TOKENS = ("UTAKATA_TOKEN", "UTAKATA_TOKEN_FILE")


class Worker:
    """A program that serves one kind of target, many targets at once."""

    def __init__(self, capacity: int = 500):
        """`capacity`: how many tasks it takes at once."""
        self.capacity = capacity
        self.actions: dict[str, Action] = {}

    def action(self, name: str) -> Callable[[Action], Action]:
        """Says that a function is the action of this name.

        It is given the task and returns readings, an `Answer`, or nothing. One that is `async`
        must never block; any other one has a thread while it runs. It is cancelled at the end of
        its time; a thread goes on, which nobody hears of any more.

        What it raises is how the task ended: `Failure` (certainly not done), `Unknown`. Anything
        else is a mistake: what only looks has failed then, what changes something is unknown.
        """

        def add(function: Action) -> Action:
            if name in self.actions:
                raise ValueError(f'there are two actions "{name}"')
            self.actions[name] = function
            return function

        return add

    def main(self) -> None:
        """Serves the manager that started the process until it is drained, and exits."""
        sys.dont_write_bytecode = True  # What lies in the folder is the release.
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        is_started = all(name in os.environ for name in VARIABLES)
        if not is_started or all(name not in os.environ for name in TOKENS):
            print(
                f"{sys.argv[0]} is a worker of utakata: it is started by an environment, not by "
                "hand.\nTo try it, run: utakata worker test DIR (the folder with its worker.toml)",
                file=sys.stderr,
            )
            sys.exit(EXIT_USAGE)
        try:
            manifest = read_manifest(Path(os.environ["UTAKATA_RELEASE"]))
            self.check(manifest)
        except (OSError, ValueError) as error:
            print(f"cannot read the release: {error}", file=sys.stderr)
            sys.exit(EXIT_RELEASE)
        asyncio.run(self.serve(manifest))

    async def serve(self, manifest: dict[str, Any]) -> None:
        """Serves to the end, and ends the process from within the loop.

        Neither the loop nor the interpreter is closed in order: both would wait for tasks of gRPC
        that outlast a broken stream, and for threads of actions that do not end.
        """
        try:
            await Session(self, manifest).run()
            code = 0
        except Refused as error:
            code, said = EXIT_REFUSED, f"refused by the manager: {error}"
        except ConnectionError as error:
            code, said = EXIT_UNAVAILABLE, f"the worker ended before it was drained: {error}"
        if code:
            print(said, file=sys.stderr)
            leave(said)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def check(self, manifest: dict[str, Any]) -> None:
        """Raises ValueError unless the manifest declares exactly the actions of this worker."""
        declared = {action["name"] for action in manifest.get("action", [])}
        if declared != self.actions.keys():
            lacking = ", ".join(sorted(declared - self.actions.keys())) or "none"
            more = ", ".join(sorted(self.actions.keys() - declared)) or "none"
            raise ValueError(
                f"worker.toml declares actions that the program lacks ({lacking}), or lacks some "
                f"that it has ({more})"
            )

    async def perform(self, task: Task) -> Answer:
        """Runs the function of an action."""
        function = self.actions[task.action]
        if inspect.iscoroutinefunction(function):
            returned = await function(task)
        else:
            returned = await asyncio.to_thread(function, task)
        if returned is None:
            return Answer()
        if isinstance(returned, Answer):
            return returned
        return Answer(readings=list(returned))


def leave(reason: str) -> None:
    """Leaves the reason of the end where whoever runs the worker looks for it."""
    path = os.environ.get("UTAKATA_LAST_WORDS")
    if path and os.path.exists(path):
        try:
            with open(path, "a", encoding="utf-8") as file:
                print(reason, file=file)
        except OSError as error:
            logging.debug("the reason of the end cannot be left: %s", error)


def read_manifest(release: Path) -> dict[str, Any]:
    """The manifest of a release, as its hello says it."""
    return tomllib.loads((release / "worker.toml").read_text(encoding="utf-8"))
