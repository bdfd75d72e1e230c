"""A worker against a manager that is played here: `python3 -m unittest discover -s tests`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parent.parent))

from utakata_worker import Answer, Failure, NotSent, Reading, Unknown, Worker  # noqa: E402
from utakata_worker import _wire as wire  # noqa: E402
from utakata_worker._schema import problem  # noqa: E402
from utakata_worker._session import Refused, Session  # noqa: E402

MANIFEST = {
    "kind": "x",
    "version": "1",
    "protocol": 1,
    "run": {"program": "x"},
    "action": [
        {"name": "read", "class": "observe", "parameters": {"type": "object"}},
        {"name": "set", "class": "control", "parameters": {"type": "object"}},
    ],
}
WELCOME = wire.ToWorker()
WELCOME.welcome.protocol_version = 2
WELCOME.welcome.heartbeat_milliseconds = 10_000


def tasks(*names, timeout=5.0, parameters=None):
    message = wire.ToWorker()
    for at, name in enumerate(names):
        message.tasks.tasks.add(
            id=at.to_bytes(16, "big"),
            attempt=1,
            target="one",
            address="127.0.0.1:9",
            credential={"password": "hunter2"},
            action=name,
            control=name == "set",
            parameters=json.dumps(parameters or {}).encode(),
            timeout_milliseconds=int(timeout * 1000),
        )
    return message


def drain(within=0.0):
    message = wire.ToWorker()
    message.drain.within_milliseconds = int(within * 1000)
    return message


def hold(token, within=5.0):
    message = wire.ToWorker()
    message.hold.token = token
    message.hold.within_milliseconds = int(within * 1000)
    return message


class Manager(grpc.GenericRpcHandler):
    """Says what it is told to, and keeps what it hears."""

    def __init__(self, play):
        self.play, self.heard, self.outcomes = play, [], []
        #: The worker says nothing more.
        self.left = asyncio.Event()
        self.streams = 0

    def service(self, call):
        return grpc.stream_stream_rpc_method_handler(
            self.work,
            request_deserializer=wire.FromWorker.FromString,
            response_serializer=wire.ToWorker.SerializeToString,
        )

    async def work(self, stream, _):
        self.heard.append(await anext(stream))
        self.streams += 1

        said = asyncio.Queue()

        async def listen():
            async for message in stream:
                self.heard.append(message)
                self.outcomes.extend(message.outcomes.outcomes)
                for one in message.ready.attempts:
                    if go := self.go(one):
                        await said.put(go)
            self.left.set()

        async def play():
            try:
                async for message in self.play(self):
                    await said.put(message)
            finally:
                await said.put(None)

        listening, playing = asyncio.create_task(listen()), asyncio.create_task(play())
        while (message := await said.get()) is not None:
            yield message
        await playing
        await listening

    @staticmethod
    def go(one, within=1000, nonce=None):
        message = wire.ToWorker()
        message.go.attempts.add(
            id=one.id,
            attempt=one.attempt,
            nonce=one.nonce if nonce is None else nonce,
            within_milliseconds=within,
        )
        return message

    async def answered(self, count):
        while len(self.outcomes) < count:
            await asyncio.sleep(0.005)


async def serve(worker, play, go=None):
    """Runs a worker until the manager has played to its end."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UTAKATA_ENDPOINT"] = f"unix:{folder}/socket"
        os.environ["UTAKATA_TOKEN"] = "once"
        manager = Manager(play)
        manager.go = go or manager.go
        server = grpc.aio.server()
        server.add_generic_rpc_handlers([manager])
        server.add_insecure_port(os.environ["UTAKATA_ENDPOINT"])
        await server.start()
        try:
            await asyncio.wait_for(Session(worker, MANIFEST).run(), 10)
        finally:
            await server.stop(None)
        return manager


def run(read, play, set_=None, go=None):
    worker = Worker()
    worker.action("read")(read)
    worker.action("set")(set_ or read)
    return asyncio.run(serve(worker, play, go))


def said(outcome):
    status = next(name for name, number in wire.STATUS.items() if number == outcome.status)
    return status, outcome.problem.code


async def both(manager):
    yield WELCOME
    yield tasks("read", "set")
    await manager.answered(2)
    yield drain()


class Outcomes(unittest.TestCase):
    def test_what_is_returned_is_told(self):
        async def read(task):
            self.assertEqual(task.credential, {"password": "hunter2"})
            self.assertNotIn("hunter2", repr(task))
            return Answer([Reading("hw.power", 3, "W", {"outlet": 4})], {"a": [1]})

        manager = run(read, both, lambda task: None)
        by_result = sorted(manager.outcomes, key=lambda one: one.result)
        self.assertEqual([said(one) for one in by_result], [("succeeded", "")] * 2)
        reading = by_result[1].readings[0]
        self.assertEqual((reading.number, reading.attributes["outlet"]), (3.0, "4"))
        self.assertEqual(json.loads(by_result[1].result), {"a": [1]})
        hello = manager.heard[0].hello
        self.assertEqual((hello.token, list(hello.protocol_versions)), ("once", [1, 2]))
        self.assertEqual(json.loads(hello.manifest), MANIFEST)

    def test_only_a_failure_is_certain_for_control(self):
        def raises(error):
            def action(task):
                raise error

            return action

        for error, observe, control in [
            (Failure("no"), ("failed", "device-refused"), ("failed", "device-refused")),
            (NotSent("away"), ("failed", "unreachable"), ("failed", "unreachable")),
            (Unknown("?"), ("failed", "no-answer"), ("unknown", "no-answer")),
            (KeyError("x"), ("failed", "worker-panic"), ("unknown", "worker-panic")),
            (ConnectionResetError(), ("failed", "unreachable"), ("unknown", "unreachable")),
        ]:
            manager = run(raises(error), both)
            found = {one.id[-1]: said(one) for one in manager.outcomes}
            self.assertEqual(found, {0: observe, 1: control}, error)

    def test_an_answer_that_cannot_be_told_is_no_guess(self):
        manager = run(lambda task: [Reading("hw.power", float("nan"))], both)
        found = {one.id[-1]: said(one) for one in manager.outcomes}
        self.assertEqual(found, {0: ("failed", "bad-reading"), 1: ("succeeded", "bad-reading")})

    def test_what_is_not_done_in_time_is_ended_and_others_go_on(self):
        async def slow(task):
            await asyncio.sleep(60)

        async def play(manager):
            yield WELCOME
            yield tasks("read", "set", timeout=0.3)
            await manager.answered(2)
            yield drain()

        began = time.monotonic()
        manager = run(slow, play)
        found = {one.id[-1]: said(one) for one in manager.outcomes}
        self.assertEqual(found, {0: ("failed", "deadline"), 1: ("unknown", "deadline")})
        self.assertLess(time.monotonic() - began, 8)

    def test_what_is_cancelled_is_answered_and_a_task_that_comes_twice_once(self):
        begun = []

        async def slow(task):
            begun.append(task)
            await asyncio.sleep(60)

        async def play(manager):
            yield WELCOME
            yield tasks("read", "set")
            yield tasks("read", "set")
            while len(begun) < 2:
                await asyncio.sleep(0.005)
            cancel = wire.ToWorker()
            for at in (0, 1):
                cancel.cancel.tasks.add(id=at.to_bytes(16, "big"), attempt=1)
            yield cancel
            await manager.answered(2)
            yield drain()

        manager = run(slow, play)
        found = {one.id[-1]: said(one) for one in manager.outcomes}
        self.assertEqual(found, {0: ("cancelled", "cancelled"), 1: ("unknown", "cancelled")})
        self.assertEqual(len(manager.outcomes), 2)

    def test_parameters_that_do_not_fit_reach_no_function(self):
        async def play(manager):
            yield WELCOME
            bad = tasks("read", "set", "other")
            bad.tasks.tasks[0].parameters = b"[]"
            bad.tasks.tasks[1].parameters = b"{"
            yield bad
            await manager.answered(3)
            yield drain()

        manager = run(lambda task: self.fail("it was called"), play)
        found = {one.id[-1]: said(one) for one in manager.outcomes}
        wrong = ("failed", "bad-parameters")
        self.assertEqual(found, {0: wrong, 1: wrong, 2: ("failed", "no-such-action")})


    def test_what_acts_by_its_manifest_is_never_done_as_a_read(self):
        async def play(manager):
            yield WELCOME
            forged = tasks("set", "read")
            forged.tasks.tasks[0].control = False
            forged.tasks.tasks[1].control = True
            yield forged
            await manager.answered(2)
            yield drain()

        manager = run(lambda task: self.fail("it was called"), play)
        found = {one.id[-1]: said(one) for one in manager.outcomes}
        wrong = ("failed", "wrong-class")
        self.assertEqual(found, {0: wrong, 1: wrong})


class Goes(unittest.TestCase):
    def control(self, go, timeout=5.0):
        """The ends of control, and the number of times that it was begun."""
        begun = []

        async def play(manager):
            yield WELCOME
            yield tasks("set", timeout=timeout)
            await manager.answered(1)
            yield drain()

        manager = run(lambda task: None, play, begun.append, go)
        return said(manager.outcomes[0]), len(begun)

    def test_control_begins_on_a_go_and_what_only_looks_needs_none(self):
        self.assertEqual(self.control(Manager.go), (("succeeded", ""), 1))

    def test_a_go_that_is_late_or_of_something_else_begins_nothing(self):
        def late(one):
            time.sleep(0.05)  # Nobody goes on meanwhile, as when a machine is suspended.
            return Manager.go(one, within=10)

        self.assertEqual(self.control(late), (("expired", "go-late"), 0))
        other = lambda one: Manager.go(one, nonce=one.nonce + 1)  # noqa: E731
        self.assertEqual(self.control(other, 0.3), (("expired", "expired"), 0))
        self.assertEqual(self.control(lambda one: None, 0.3), (("expired", "expired"), 0))

    def test_who_was_stopped_sees_that_its_time_is_over(self):
        seen = []

        def set_(task):
            seen.append(task.in_time())
            time.sleep(0.3)
            seen.append(task.in_time())
            raise NotSent("its time was over", "expired")

        async def play(manager):
            yield WELCOME
            yield tasks("set", timeout=0.2)
            await manager.answered(1)
            yield drain()

        run(set_, play)
        time.sleep(0.3)
        self.assertEqual(seen, [True, False])


class Ends(unittest.TestCase):
    def test_told_to_end_it_says_so_and_does_what_is_on_its_way(self):
        async def play(manager):
            yield WELCOME
            os.kill(os.getpid(), signal.SIGTERM)
            while not any(message.heartbeat.leaving for message in manager.heard):
                await asyncio.sleep(0.005)
            yield tasks("read")
            await manager.answered(1)
            yield drain()

        manager = run(lambda task: None, play)
        self.assertEqual([said(one) for one in manager.outcomes], [("succeeded", "")])

    def test_told_to_end_it_drains_by_itself_where_nobody_does(self):
        async def play(manager):
            yield WELCOME
            os.kill(os.getpid(), signal.SIGTERM)
            await manager.left.wait()

        began = time.monotonic()
        run(lambda task: None, play)
        self.assertLess(time.monotonic() - began, 8)

    def test_it_tells_its_memory(self):
        async def play(manager):
            yield WELCOME
            while not any(message.heartbeat.memory_bytes for message in manager.heard):
                await asyncio.sleep(0.005)
            yield drain()

        manager = run(lambda task: None, play)
        told = max(message.heartbeat.memory_bytes for message in manager.heard)
        self.assertGreater(told, 1_000_000)

    def test_a_drain_gives_up_what_does_not_end(self):
        async def slow(task):
            await asyncio.sleep(60)

        async def play(manager):
            yield WELCOME
            yield tasks("read", "set", timeout=50)
            yield drain(0.2)

        manager = run(slow, play)
        self.assertEqual(len(manager.outcomes), 2)

    def test_who_is_refused_or_left_alone_says_so(self):
        async def refuse(manager):
            message = wire.ToWorker()
            message.refused.message = "not you"
            yield message

        async def leave(manager):
            yield WELCOME
            raise RuntimeError("gone")

        with self.assertRaises(Refused):
            run(lambda task: None, refuse)
        with self.assertRaises(ConnectionError):
            run(lambda task: None, leave)

    def test_a_manifest_with_other_actions_is_refused(self):
        worker = Worker()
        worker.action("read")(lambda task: None)
        with self.assertRaises(ValueError) as raised:
            worker.check(MANIFEST)
        self.assertIn("(set)", str(raised.exception))


class Schemas(unittest.TestCase):
    def test_the_words_of_json_schema_that_manifests_use(self):
        schema = {
            "type": "object",
            "required": ["n"],
            "additionalProperties": False,
            "properties": {
                "n": {"type": "integer", "minimum": 1, "maximum": 8},
                "text": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$"},
                "list": {"type": "array", "minItems": 1, "items": {"enum": ["on", "off"]}},
                "any": {"type": ["string", "number", "boolean"]},
            },
        }
        for good in [{"n": 1}, {"n": 8.0, "text": "a", "list": ["on"], "any": True}]:
            self.assertIsNone(problem(schema, good), good)
        for bad in [
            [],
            {},
            {"n": 0},
            {"n": 9},
            {"n": 1.5},
            {"n": True},
            {"n": "1"},
            {"n": 1, "m": 1},
            {"n": 1, "text": ""},
            {"n": 1, "text": "A"},
            {"n": 1, "list": []},
            {"n": 1, "list": ["on", 1]},
            {"n": 1, "any": None},
        ]:
            self.assertIsNotNone(problem(schema, bad), bad)



ENDS_WITHOUT_A_MANAGER = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from utakata_worker import Worker, _worker

class Broken:
    def __init__(self, worker, manifest):
        pass

    async def run(self):
        async def deaf():
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass
        self.left = asyncio.create_task(deaf())
        await asyncio.sleep(0)
        raise ConnectionError("the manager has ended the stream")

_worker.Session = Broken
worker = Worker()
worker.action("read")(lambda task: [])
worker.main()
"""


class End(unittest.TestCase):
    def test_a_task_that_takes_no_cancelling_does_not_keep_the_process(self):
        with tempfile.TemporaryDirectory() as folder:
            text = 'kind = "x"\nversion = "1"\n[[action]]\nname = "read"\n'
            Path(folder, "worker.toml").write_text(text, encoding="utf-8")
            variables = {"UTAKATA_ENDPOINT": "x", "UTAKATA_TOKEN": "x", "UTAKATA_RELEASE": folder}
            ended = subprocess.run(
                [sys.executable, "-c", ENDS_WITHOUT_A_MANAGER, str(Path(__file__).parent.parent)],
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                timeout=30,
            )
        self.assertEqual(ended.returncode, 69, ended.stderr)
        self.assertIn("ended before it was drained", ended.stderr)


class Held(unittest.TestCase):
    """A manager that makes room for its successor."""

    def test_what_runs_goes_on_and_is_told_to_the_successor_once(self):
        began, told = [], []

        async def slow(task):
            began.append(task.action)
            await asyncio.sleep(0.3)
            return [Reading("hw.power", 1, "W")]

        async def play(manager):
            yield WELCOME
            if manager.streams == 1:
                yield tasks("read", "set", "read")
                while len(began) < 3:
                    await asyncio.sleep(0.005)
                yield hold("again")
                return
            told.extend(manager.outcomes)
            await manager.answered(3)
            yield drain()

        manager = run(slow, play)
        hellos = [one.hello for one in manager.heard if one.HasField("hello")]
        self.assertEqual([hello.token for hello in hellos], ["once", "again"])
        self.assertTrue(all(hello.can_hold for hello in hellos))
        self.assertEqual(sorted(began), ["read", "read", "set"])
        self.assertEqual(told, [])
        self.assertEqual([said(one) for one in manager.outcomes], [("succeeded", "")] * 3)

    def test_what_waits_for_its_go_begins_on_that_of_the_successor(self):
        readies = []

        def go(ready):
            readies.append(ready.nonce)
            return Manager.go(ready) if len(readies) > 1 else None

        async def play(manager):
            yield WELCOME
            if manager.streams == 1:
                yield tasks("set")
                while not readies:
                    await asyncio.sleep(0.005)
                yield hold("again")
                return
            await manager.answered(1)
            yield drain()

        manager = run(lambda task: None, play, go=go)
        self.assertEqual([said(one) for one in manager.outcomes], [("succeeded", "")])
        self.assertEqual(len(set(readies)), 2)

    def test_a_successor_that_never_comes_ends_it_after_what_it_had_begun(self):
        done = []

        async def slow(task):
            await asyncio.sleep(0.5)
            done.append(task.action)

        async def play(manager):
            if manager.streams > 1:
                await asyncio.sleep(0.3)
                return
            yield WELCOME
            yield tasks("set")
            await asyncio.sleep(0.1)
            yield hold("again", within=0.2)

        with self.assertRaises(ConnectionError):
            run(slow, play)
        self.assertEqual(done, ["set"])


if __name__ == "__main__":
    unittest.main()
