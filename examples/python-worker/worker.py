#!/usr/bin/python3
"""A thermostat that speaks lines over TCP: "get" is answered "21.5", "set 22.0" "ok" or "no"."""

import asyncio

from utakata_worker import Failure, NotSent, Reading, Unknown, Worker

worker = Worker()


async def say(task, line):
    """One line to the thermostat, and its answer."""
    host, _, port = task.address.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise NotSent(f"{task.address} does not answer: {error}") from error
    if not task.in_time():  # Immediately before: somebody else may be at it by now.
        writer.close()
        raise NotSent("its time was over before anything was said", "expired")
    try:
        writer.write(line.encode() + b"\n")
        answer = (await reader.readline()).decode(errors="replace").strip()
    finally:
        writer.close()
    if not answer:  # Nobody can know whether it was done.
        raise Unknown(f"{task.address} took the question and did not answer")
    return answer


@worker.action("read")
async def read(task):
    return [Reading("hw.temperature", float(await say(task, "get")), "Cel")]


@worker.action("set")
async def set_to(task):
    answer = await say(task, f"set {task.parameters['celsius']}")
    if answer == "no":  # By its protocol a refusal: nothing was begun.
        raise Failure(f"{task.address} refuses")
    if answer != "ok":  # Anything else proves nothing.
        raise Unknown(f"{task.address} answered {answer[:80]!r}")


worker.main()
