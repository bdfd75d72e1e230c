"""A thermostat that answers lines over TCP: many tasks at a time, a line for each.

"set 22.0" is answered "ok", or "no": then nothing was begun. Any other answer proves nothing.
"""

import asyncio
import json
import sys


def failed(status, code, message):
    return {"status": status, "problem": {"code": code, "message": message, "cure": "retry"}}


async def ask(task):
    host, _, port = task["address"].rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:  # Nothing was sent: it was surely not done.
        return failed("failed", "unreachable", f"{task['address']} does not answer: {error}")
    is_set = task["action"] == "set"
    writer.write(f"set {task['parameters']['celsius']}\n".encode() if is_set else b"get\n")
    answer = (await reader.readline()).decode().strip()
    writer.close()
    if not answer:
        return failed("unknown" if is_set else "failed", "no-answer", "it did not answer")
    if is_set:
        return {"status": {"ok": "succeeded", "no": "failed"}.get(answer, "unknown")}
    reading = {"metric": "hw.temperature", "value": float(answer), "unit": "Cel"}
    return {"status": "succeeded", "readings": [reading]}


async def answer(task):
    try:
        async with asyncio.timeout(task["timeout"]):
            told = await ask(task)
    except (TimeoutError, OSError, ValueError) as error:
        status = "unknown" if task["class"] == "control" else "failed"
        told = failed(status, "no-answer", f"it did not answer: {error!r}")
    print(json.dumps({"task": task["task"], **told}), flush=True)


async def main():
    tasks = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = asyncio.create_task(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
