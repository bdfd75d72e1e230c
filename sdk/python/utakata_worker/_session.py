"""The stream to the manager: hello, tasks, outcomes, heartbeats, the end.

Every task is answered exactly once: by its function, at its deadline, when it is cancelled, or at
the end. Control begins on a go of the manager alone, and only while that is fresh; of control
that was begun and not answered nobody knows what became: it is unknown.

A manager that makes room for its successor says hold: what runs goes on, what is to be told waits,
and the worker comes back with the token that it was given.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import signal
import time
from typing import Any

import grpc

from . import _wire as wire
from ._clock import Moment
from ._schema import problem as schema_problem
from ._types import Answer, Failure, Missing, Reading, Task, Unknown

#: Answers are kept for tasks that come a second time; older ones are forgotten.
ANSWERS_MAX = 10_000
#: How long control that is cancelled has to say what took effect, in seconds.
CANCEL_GRACE = 1.0
#: How long the manager has to end the stream after the worker has, in seconds.
GOODBYE = 2.0
#: How long the manager has to drain a worker that was told to end, in seconds.
LEAVE_SECONDS = 2.0
#: The answer must be told before the manager gives up on it, in seconds.
MARGIN = 0.05

log = logging.getLogger("utakata")


class Refused(Exception):
    """The manager does not want this worker."""


class _End(Exception):
    """The end of an attempt that did not end well."""

    def __init__(self, status: str, code: str, cure: str, message: str):
        super().__init__(message)
        self.status, self.code, self.cure = status, code, cure


class _Waiting:
    """Control that waits for its go."""

    def __init__(self):
        self.go = asyncio.get_running_loop().create_future()
        self.nonce, self.said = 0, Moment()

    def ready(self, key, nonce: int):
        """Returns the message that it is ready, and notes the moment."""
        self.nonce, self.said = nonce, Moment()
        return wire.ReadyAttempt(id=key[0], attempt=key[1], nonce=nonce)


def read_token() -> str:
    """The token of the hello: a variable, or a file that whoever runs the worker may write anew."""
    token = os.environ.get("UTAKATA_TOKEN")
    if token is not None:
        return token
    with open(os.environ["UTAKATA_TOKEN_FILE"], encoding="utf-8") as file:
        return file.read().strip()


def channel_to(endpoint: str, options: list) -> grpc.aio.Channel:
    """The way to a manager: at https:// it is known by one authority, and by no other."""
    secure = endpoint.removeprefix("https://")
    if secure == endpoint:
        options = [*options, ("grpc.default_authority", "localhost")]
        return grpc.aio.insecure_channel(endpoint.removeprefix("http://"), options)
    authority = os.environ["UTAKATA_AUTHORITY"].encode()
    return grpc.aio.secure_channel(secure, grpc.ssl_channel_credentials(authority), options)


class Session:
    def __init__(self, worker, manifest: dict[str, Any]):
        self.worker = worker
        self.manifest = manifest
        self.schemas = {
            action["name"]: action.get("parameters", {"additionalProperties": False})
            for action in manifest["action"]
        }
        #: Whether each action acts.
        self.acts = {
            action["name"]: action["class"] == "control" for action in manifest["action"]
        }
        self.outgoing: asyncio.Queue = asyncio.Queue()
        self.running: dict[tuple[bytes, int], asyncio.Task] = {}
        self.cancelled: set[tuple[bytes, int]] = set()
        #: Control that waits for its go.
        self.ready: dict[tuple[bytes, int], _Waiting] = {}
        #: Control that has begun.
        self.acting: set[asyncio.Task] = set()
        self.nonce = 0
        self.version = wire.WITH_GO
        self.answered: dict[tuple[bytes, int], None] = {}
        self.draining: asyncio.Task | None = None
        #: Whoever runs the worker has told it to end.
        self.leaving = False
        self.beating: asyncio.Task | None = None
        #: What the manager has asked for, to make room for its successor.
        self.held = None

    async def run(self) -> None:
        """Serves until the manager has drained it. Raises Refused or ConnectionError."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.told_to_end)
        token, within = read_token(), None
        try:
            while (held := await self.serve(token, within)) is not None:
                token, within = held.token, held.within_milliseconds / 1000
        except ConnectionError:
            # Nobody hears how control ends that has begun; it is not cut off in the middle.
            if self.acting:
                await asyncio.wait(self.acting)
            raise

    async def serve(self, token: str, within: float | None):
        """Serves one stream until it is drained, or told to come back: then gives the hold.

        `within`: how long a successor has to welcome it, in seconds; None for the first manager.
        """
        hello = wire.Hello(
            token=token,
            protocol_versions=wire.VERSIONS,
            manifest=json.dumps(self.manifest, default=str),
            capacity=self.worker.capacity,
            sdk="python 0.1.0",
            can_hold=True,
        )
        welcomed = asyncio.Event()
        # The way to the manager is a socket: no proxy, and no name but a plain one in its headers.
        options = [("grpc.enable_http_proxy", 0)]
        options += [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        options += [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 1000)]
        async with channel_to(os.environ["UTAKATA_ENDPOINT"], options) as channel:
            work = channel.stream_stream(
                wire.METHOD,
                request_serializer=wire.FromWorker.SerializeToString,
                response_deserializer=wire.ToWorker.FromString,
            )
            said = self.messages(hello, welcomed, self.outgoing)
            # A successor may have to listen first.
            call = work(said, wait_for_ready=within is not None)
            try:
                async with asyncio.timeout(within):
                    await self.welcome(call, welcomed)
                async for message in call:
                    self.hear(message)
                    if self.held is not None:
                        return await self.leave(call)
            except TimeoutError as error:
                raise ConnectionError("no successor of the manager was there in time") from error
            except grpc.aio.AioRpcError as error:
                if self.draining is None:
                    raise ConnectionError(f"the manager is gone: {error.details()}") from error
        if self.draining is None:
            raise ConnectionError("the manager has ended the stream")
        return None

    async def welcome(self, call, welcomed: asyncio.Event) -> None:
        """Waits for the answer to the hello."""
        async for message in call:
            self.hear(message)
            if message.WhichOneof("message") == "welcome":
                welcomed.set()
                return

    async def leave(self, call):
        """Ends a stream: what was said is written to its end, what is said from now on waits."""
        held, self.held = self.held, None
        if self.beating is not None:
            self.beating.cancel()
        before, self.outgoing = self.outgoing, asyncio.Queue()
        before.put_nowait(None)
        try:
            async with asyncio.timeout(GOODBYE):
                async for message in call:
                    self.hear(message)  # It was on its way before the hold.
        except (TimeoutError, grpc.aio.AioRpcError):
            pass
        self.held = None
        return held

    def send(self, **message) -> None:
        self.outgoing.put_nowait(wire.FromWorker(**message))

    async def messages(self, hello, welcomed: asyncio.Event, outgoing: asyncio.Queue):
        """Yields the messages of one stream, until None ends it."""
        yield wire.FromWorker(hello=hello)
        await welcomed.wait()
        while (message := await outgoing.get()) is not None:
            yield message

    def hear(self, message) -> None:
        kind = message.WhichOneof("message")
        if kind == "welcome":
            self.version = message.welcome.protocol_version
            # Twice as often as asked: a late one is not yet a missing one.
            every = message.welcome.heartbeat_milliseconds / 2000
            self.beating = asyncio.create_task(self.heartbeats(every))
            # Of what waits for its go a manager that was not there then knows nothing.
            self.say_ready(list(self.ready))
        elif kind == "refused":
            raise Refused(message.refused.message)
        elif kind == "tasks":
            for task in message.tasks.tasks:
                self.begin(task)
        elif kind == "go":
            for one in message.go.attempts:
                waiting = self.ready.get((one.id, one.attempt))
                if waiting and waiting.nonce == one.nonce and not waiting.go.done():
                    waiting.go.set_result(one.within_milliseconds / 1000)
        elif kind == "cancel":
            for one in message.cancel.tasks:
                self.cancel((one.id, one.attempt))
        elif kind == "drain" and self.draining is None:
            within = message.drain.within_milliseconds / 1000 or None
            self.draining = asyncio.create_task(self.drain(within))
        elif kind == "hold" and self.draining is None:
            self.held = message.hold

    def say_ready(self, keys) -> None:
        """Says that these attempts of control could begin now."""
        attempts = []
        for key in keys:
            self.nonce += 1
            attempts.append(self.ready[key].ready(key, self.nonce))
        if attempts:
            self.send(ready=wire.Ready(attempts=attempts))

    def beat(self) -> None:
        beat = wire.Heartbeat(
            running=len(self.running), memory_bytes=resident(), leaving=self.leaving
        )
        self.send(heartbeat=beat)

    def told_to_end(self) -> None:
        """Says so: the manager knows which tasks are on their way, and drains it after them."""
        if self.leaving or self.draining is not None:
            return
        self.leaving = True
        self.beat()
        asyncio.get_running_loop().call_later(LEAVE_SECONDS, self.drain_by_itself)

    def drain_by_itself(self) -> None:
        if self.draining is None:
            self.draining = asyncio.create_task(self.drain(None))

    async def heartbeats(self, every: float) -> None:
        while True:
            self.beat()
            await asyncio.sleep(every)

    def begin(self, task) -> None:
        key = (task.id, task.attempt)
        if key in self.running or key in self.answered:
            return  # It came twice; it is answered once.
        if self.draining is not None:
            end = _End("expired", "draining", "retry", "the worker takes nothing new")
            self.answer(task, time.monotonic(), end)
            return
        self.running[key] = asyncio.create_task(self.attempt(key, task))

    async def attempt(self, key, task) -> None:
        began = time.monotonic()
        try:
            end = await self.end(key, task)
        finally:
            del self.running[key]
            self.cancelled.discard(key)
            self.acting.discard(asyncio.current_task())
        self.answer(task, began, end)

    async def end(self, key, task) -> Answer | _End:
        """Runs an attempt to its end, whatever that is."""
        lost = "unknown" if task.control else "failed"
        came = Moment()
        try:
            given = self.checked(task, came)
            async with asyncio.timeout(max(0.0, given.timeout - MARGIN)):
                if task.control and self.version >= wire.WITH_GO:
                    await self.go(key)
                if task.control:
                    self.acting.add(asyncio.current_task())
                return await self.worker.perform(given)
        except _End as end:
            return end
        except Failure as error:
            return _End("failed", error.code, error.cure, str(error))
        except Unknown as error:
            return _End(lost, error.code, error.cure, str(error))
        except asyncio.CancelledError:
            status = "unknown" if task.control else "cancelled"
            return _End(status, "cancelled", "retry", "it was cancelled under way")
        except TimeoutError:
            return _End(lost, "deadline", "retry", "it was not done at the end of its time")
        except OSError as error:  # The way to the target broke: what was sent nobody knows.
            return _End(lost, "unreachable", "retry", str(error) or repr(error))
        except Exception as error:  # A mistake of an action ends one task, not the worker.
            log.exception("the action %s has a mistake", task.action)
            return _End(lost, "worker-panic", "bug", f"the worker made a mistake: {error!r}"[:500])

    async def go(self, key) -> None:
        """Waits until an attempt of control may begin. Raises _End: nothing was begun."""
        waiting = self.ready[key] = _Waiting()
        self.say_ready([key])
        try:
            within = await waiting.go
        except asyncio.CancelledError as error:
            asyncio.current_task().uncancel()
            if key in self.cancelled:
                raise _End("cancelled", "cancelled", "retry", "it was taken back") from error
            raise _End("expired", "expired", "retry", "no go came in time") from error
        finally:
            del self.ready[key]
        if waiting.said.elapsed() > within:
            raise _End("expired", "go-late", "retry", "the go came too late: nothing was done")

    def checked(self, task, came: Moment) -> Task:
        """The task as its function gets it. Raises _End: nothing was begun."""
        if task.action not in self.schemas:
            message = f'there is no action "{task.action}"'
            raise _End("failed", "no-such-action", "operator", message)
        if task.control != self.acts[task.action]:
            sent, declared = (("observe", "control"), ("control", "observe"))[task.control]
            message = (
                f"{task.action} was sent as {sent}, and the manifest of this worker "
                f"declares it as {declared}"
            )
            raise _End("failed", "wrong-class", "bug", message)
        try:
            parameters = json.loads(task.parameters or b"{}")
        except ValueError:
            parameters = None
        wrong = "they are no object" if not isinstance(parameters, dict) else None
        wrong = wrong or schema_problem(self.schemas[task.action], parameters)
        if wrong:
            raise _End("failed", "bad-parameters", "operator", f"the parameters: {wrong}")
        return Task(
            target=task.target,
            address=task.address,
            action=task.action,
            control=task.control,
            parameters=parameters,
            credential=dict(task.credential),
            timeout=task.timeout_milliseconds / 1000,
            _came=came,
        )

    def cancel(self, key) -> None:
        attempt = self.running.get(key)
        if attempt is None or key in self.cancelled:
            return
        self.cancelled.add(key)
        attempt.cancel()

    def answer(self, task, began: float, end: Answer | _End) -> None:
        """Says how a task ended; a reading that cannot be told is left out, and told so."""
        outcome = wire.AttemptOutcome(
            id=task.id,
            attempt=task.attempt,
            ran_microseconds=int((time.monotonic() - began) * 1e6),
        )
        if isinstance(end, Answer):
            end = self.put(outcome, end, task.control) or end
        if isinstance(end, _End):
            outcome.status = wire.STATUS[end.status]
            problem = wire.Problem(code=end.code, message=str(end), cure=wire.CURE[end.cure])
            outcome.problem.CopyFrom(problem)
        self.answered[(task.id, task.attempt)] = None
        if len(self.answered) > ANSWERS_MAX:
            del self.answered[next(iter(self.answered))]
        self.send(outcomes=wire.Outcomes(outcomes=[outcome]))

    def put(self, outcome, answer: Answer, control: bool) -> _End | None:
        """Writes an answer down. What is returned has a form that cannot be told: it was done."""
        try:
            readings = [_reading(one) for one in answer.readings]
            result = b"" if answer.result is None else json.dumps(answer.result).encode()
            missing = [_missing(one) for one in answer.missing]
        except (TypeError, ValueError, AttributeError) as error:
            status = "succeeded" if control else "failed"
            return _End(status, "bad-reading", "bug", f"its answer cannot be told: {error}")
        outcome.status = wire.STATUS["succeeded"]
        outcome.readings.extend(readings)
        outcome.result = result
        outcome.missing.extend(missing)
        return None

    async def drain(self, within: float | None) -> None:
        """Ends what is under way, gives up what is left, and says nothing more."""
        if self.running:
            await asyncio.wait(self.running.values(), timeout=within)
        for key in list(self.running):
            self.cancel(key)
        if self.running:
            await asyncio.wait(self.running.values())
        self.outgoing.put_nowait(None)


def _missing(one: Missing):
    return wire.Missing(
        object=one.object,
        row=one.row,
        reason=one.reason,
        message=one.message,
        count=one.count or 0,
    )


def _reading(one: Reading):
    attributes = {str(key): str(value) for key, value in one.attributes.items()}
    reading = wire.Reading(
        metric=one.metric, attributes=attributes, unit=one.unit, suspect=one.suspect
    )
    if isinstance(one.value, str):
        reading.text = one.value
    elif isinstance(one.value, bool) or not math.isfinite(one.value):
        raise ValueError(f"{one.metric} is {one.value!r}, which is neither a number nor a text")
    else:
        reading.number = one.value
    return reading


def resident() -> int:
    """The bytes of this process that are resident; 0 where that cannot be read."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
