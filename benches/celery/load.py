"""Loads the application of tasks.py in a closed loop, and prints what it measured as JSON.

usage: load.py SECONDS IN_FLIGHT SINGLES
"""

import collections
import json
import sys
import time

from tasks import echo

PAYLOAD = "x" * 300


def singles(count):
    """One task at a time: from the call until its result is there."""
    seen = []
    for _ in range(count):
        begun = time.perf_counter()
        echo.delay(PAYLOAD).get(timeout=30, interval=0.0005)
        seen.append(time.perf_counter() - begun)
    return sorted(seen)


def load(seconds, in_flight):
    """As many as are done, with so many under way."""
    done, waiting = 0, collections.deque()
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        while len(waiting) < in_flight:
            waiting.append(echo.delay(PAYLOAD))
        waiting.popleft().get(timeout=30, interval=0.0005)
        done += 1
    while waiting:
        waiting.popleft().get(timeout=30, interval=0.0005)
        done += 1
    return done, time.perf_counter() - begun


def main():
    seconds, in_flight, count = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    singles(20)
    waits = singles(count)
    cpu = time.process_time()
    done, took = load(seconds, in_flight)
    print(
        json.dumps(
            {
                "done": done,
                "took": took,
                "cpu": time.process_time() - cpu,
                "p50_ms": waits[len(waits) // 2] * 1000,
                "p99_ms": waits[len(waits) * 99 // 100] * 1000,
            }
        )
    )


main()
