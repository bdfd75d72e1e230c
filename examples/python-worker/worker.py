#!/usr/bin/python3
"""A worker in Python: the protocol of worker.proto, and a thermostat that speaks lines over TCP.

It needs grpc (Debian: python3-grpcio), and worker_pb2.py and worker_pb2_grpc.py beside it, which
build.sh makes from worker.proto.
"""

import asyncio
import json
import os
import sys
import time
import tomllib
from pathlib import Path

import grpc

# What lies in the folder is the release: nothing is added by running it.
sys.dont_write_bytecode = True

import worker_pb2 as wire
import worker_pb2_grpc

CAPACITY = 500
# A clock that goes on while the process is stopped or the machine suspended, and the wall clock:
# whichever says that more time has passed is believed.
CLOCKS = [getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC), time.CLOCK_REALTIME]
# Answers are kept for tasks that come a second time; older ones are forgotten.
ANSWERS_MOST = 10_000


def moment():
    return [time.clock_gettime(clock) for clock in CLOCKS]


def since(then):
    """Seconds, never fewer than have passed."""
    return max(now - before for now, before in zip(moment(), then))


class Failure(Exception):
    """An end other than success: its status, a code for programs, a cure, and a sentence."""

    def __init__(self, status, code, cure, message):
        super().__init__(message)
        self.status, self.code, self.cure = status, code, cure


def failed(code, cure, message):
    return Failure(wire.STATUS_FAILED, code, cure, message)


# The equipment.


async def say(task, line, in_time):
    """One line to the thermostat, and its answer."""
    host, _, port = task.address.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except (OSError, ValueError) as error:
        message = f"{task.address} does not answer: {error}"
        raise failed("unreachable", wire.CURE_OPERATOR, message) from error
    if not in_time():  # Immediately before: others may have taken over what is too late.
        writer.close()
        raise late()
    try:
        writer.write(line.encode() + b"\n")
        answer = (await reader.readline()).decode(errors="replace").strip()
    except OSError:
        answer = ""
    finally:
        writer.close()
    if not answer:
        raise no_answer(task)
    return answer


def no_answer(task):
    """Nobody can know whether a control without an answer was done."""
    message = f"{task.address} took the question and did not answer"
    if task.control:
        return Failure(wire.STATUS_UNKNOWN, "no-answer", wire.CURE_OPERATOR, message)
    return failed("no-answer", wire.CURE_RETRY, message)


def late():
    message = "its time was over before anything was said to the target"
    return Failure(wire.STATUS_EXPIRED, "expired", wire.CURE_RETRY, message)


async def read(task, parameters, in_time):
    if parameters:
        raise failed("bad-parameters", wire.CURE_BUG, "it has no parameters")
    answer = await say(task, "get", in_time)
    try:
        celsius = float(answer)
    except ValueError as error:
        message = f"{task.address} answered {answer[:80]!r}, which is no number"
        raise failed("bad-answer", wire.CURE_OPERATOR, message) from error
    return [wire.Reading(metric="hw.temperature", number=celsius, unit="Cel")]


async def set_to(task, parameters, in_time):
    celsius = parameters.get("celsius")
    is_number = isinstance(celsius, (int, float)) and not isinstance(celsius, bool)
    if set(parameters) != {"celsius"} or not is_number or not 10 <= celsius <= 35:
        raise failed("bad-parameters", wire.CURE_BUG, "celsius must be from 10 to 35, and alone")
    answer = await say(task, f"set {celsius}", in_time)
    if answer != "ok":
        message = f"{task.address} refused: {answer[:80]!r}"
        raise failed("device-refused", wire.CURE_OPERATOR, message)
    return []


ACTIONS = {"read": read, "set": set_to}


# The protocol.


class Worker:
    def __init__(self):
        self.outgoing = asyncio.Queue()
        self.running = {}  # what is being done, by task and attempt
        self.ready = {}  # control that waits for its go: when that was said, and with which nonce
        self.nonce = 0
        self.answered = {}  # what was answered, in this order
        self.drained = asyncio.Event()
        self.beating = None

    def send(self, **message):
        self.outgoing.put_nowait(wire.FromWorker(**message))

    async def messages(self):
        """What is said, until None ends it."""
        while (message := await self.outgoing.get()) is not None:
            yield message

    async def heartbeats(self, every):
        while True:
            self.send(heartbeat=wire.Heartbeat(running=len(self.running)))
            await asyncio.sleep(every)

    def begin(self, task):
        key = (task.id, task.attempt)
        if key in self.running or key in self.answered:
            return  # It came twice; it is answered once.
        if self.drained.is_set():
            failure = Failure(
                wire.STATUS_EXPIRED, "draining", wire.CURE_RETRY, "the worker takes nothing new"
            )
            self.answer(task, time.monotonic(), failure=failure)
            return
        self.running[key] = asyncio.create_task(self.attempt(key, task))

    async def go(self, key):
        """Waits until this attempt of control may begin."""
        self.nonce += 1
        said, go = moment(), asyncio.get_running_loop().create_future()
        self.ready[key] = (self.nonce, go)
        ready = wire.ReadyAttempt(id=key[0], attempt=key[1], nonce=self.nonce)
        self.send(ready=wire.Ready(attempts=[ready]))
        try:
            within = await go
        except (asyncio.CancelledError, TimeoutError) as error:
            message = "it was taken back before it began"
            raise Failure(wire.STATUS_CANCELLED, "cancelled", wire.CURE_RETRY, message) from error
        finally:
            del self.ready[key]
        if since(said) > within:
            message = "the go came too late: nothing was done"
            raise Failure(wire.STATUS_EXPIRED, "go-late", wire.CURE_RETRY, message)

    async def attempt(self, key, task):
        began, came = time.monotonic(), moment()
        limit = task.timeout_milliseconds / 1000
        try:
            async with asyncio.timeout(limit):
                if task.control:
                    await self.go(key)
                readings = await self.act(task, lambda: since(came) < limit)
            self.answer(task, began, readings=readings)
        except Failure as failure:
            self.answer(task, began, failure=failure)
        except TimeoutError:
            self.answer(task, began, failure=no_answer(task))
        except asyncio.CancelledError:
            status = wire.STATUS_UNKNOWN if task.control else wire.STATUS_CANCELLED
            failure = Failure(status, "cancelled", wire.CURE_RETRY, "it was cancelled under way")
            self.answer(task, began, failure=failure)
        except Exception as error:  # A mistake of ours ends one task and not the worker.
            status = wire.STATUS_UNKNOWN if task.control else wire.STATUS_FAILED
            failure = Failure(status, "worker-error", wire.CURE_BUG, repr(error))
            self.answer(task, began, failure=failure)
        finally:
            del self.running[key]

    async def act(self, task, in_time):
        action = ACTIONS.get(task.action)
        if action is None:
            message = f"there is no action {task.action!r}"
            raise failed("no-such-action", wire.CURE_OPERATOR, message)
        parameters = json.loads(task.parameters or b"{}")
        if not isinstance(parameters, dict):
            raise failed("bad-parameters", wire.CURE_BUG, "parameters are an object")
        return await action(task, parameters, in_time)

    def answer(self, task, began, readings=(), failure=None):
        outcome = wire.AttemptOutcome(
            id=task.id,
            attempt=task.attempt,
            status=failure.status if failure else wire.STATUS_SUCCEEDED,
            readings=readings,
            ran_microseconds=int((time.monotonic() - began) * 1e6),
        )
        if failure:
            problem = wire.Problem(code=failure.code, message=str(failure), cure=failure.cure)
            outcome.problem.CopyFrom(problem)
        self.answered[(task.id, task.attempt)] = None
        if len(self.answered) > ANSWERS_MOST:
            del self.answered[next(iter(self.answered))]
        self.send(outcomes=wire.Outcomes(outcomes=[outcome]))

    async def drain(self, within):
        """Ends what is under way, gives up what is left, and says nothing more."""
        self.drained.set()
        if self.running:
            await asyncio.wait(self.running.values(), timeout=within)
        for attempt in list(self.running.values()):
            attempt.cancel()
        if self.running:
            await asyncio.wait(self.running.values())
        self.outgoing.put_nowait(None)

    def hear(self, message):
        kind = message.WhichOneof("message")
        if kind == "welcome":
            # Twice as often as asked: a late one is not yet a missing one.
            every = message.welcome.heartbeat_milliseconds / 2000
            self.beating = asyncio.create_task(self.heartbeats(every))
        elif kind == "refused":
            sys.exit(f"refused: {message.refused.message}")
        elif kind == "tasks":
            for task in message.tasks.tasks:
                self.begin(task)
        elif kind == "go":
            for one in message.go.attempts:
                nonce, go = self.ready.get((one.id, one.attempt), (None, None))
                if nonce == one.nonce and not go.done():
                    go.set_result(one.within_milliseconds / 1000)
        elif kind == "cancel":
            for one in message.cancel.tasks:
                if attempt := self.running.get((one.id, one.attempt)):
                    attempt.cancel()
        elif kind == "drain" and not self.drained.is_set():
            within = message.drain.within_milliseconds / 1000 or None
            self.draining = asyncio.create_task(self.drain(within))


def hello():
    release = Path(os.environ["UTAKATA_RELEASE"])
    manifest = tomllib.loads((release / "worker.toml").read_text())
    return wire.Hello(
        token=os.environ["UTAKATA_TOKEN"],
        protocol_versions=[2],
        manifest=json.dumps(manifest),
        capacity=CAPACITY,
        sdk="python example",
    )


async def main():
    worker = Worker()
    worker.send(hello=hello())
    # The way to the manager is a socket: no proxy, and no name but a plain one in its headers.
    options = [("grpc.enable_http_proxy", 0), ("grpc.default_authority", "localhost")]
    async with grpc.aio.insecure_channel(os.environ["UTAKATA_ENDPOINT"], options) as channel:
        stream = worker_pb2_grpc.ManagerStub(channel).Work(worker.messages())
        try:
            async for message in stream:
                worker.hear(message)
        except grpc.aio.AioRpcError as error:
            if not worker.drained.is_set():
                sys.exit(f"the manager is gone: {error.details()}")
    if not worker.drained.is_set():
        sys.exit("the manager has ended the stream")


asyncio.run(main())
