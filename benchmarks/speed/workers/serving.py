"""What all workers share: settings in one line of JSON, then one timed job a line."""

import json
import resource
import sys
import time

BEGAN = time.perf_counter()


def settings():
    """The first line of standard input."""
    return json.loads(sys.stdin.readline())


def parted(rows, given):
    """Rows to train on, and as many for tests, the last ones, as the settings say."""
    at = len(rows) - given.get("test", 0)
    return rows[:at], rows[at:]


def pieces(rows):
    """A tensor of rows, 500 at a time; none of none."""
    return [piece for piece in rows.split(500) if len(piece)]


def serve(jobs):
    """Answer each line {"do": name, "count": n} with the seconds that jobs[name](n) took.

    The first answer, unasked, says how long it took to get ready.
    """
    for job in jobs.values():
        job(256)
    say({"ready after": time.perf_counter() - BEGAN})
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        value = jobs[asked["do"]](asked["count"])
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answer = {"seconds": seconds, "peak MB": round(peak)}
        say({**answer, "value": value} if isinstance(value, float) else answer)


def say(answer):
    print(json.dumps(answer), flush=True)
