"""The threads of this process, as Linux counts them."""

import os
import time


def tasks():
    """How many threads this process has; None where the system does not list them."""
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else None


def settled_tasks(expected):
    """The same, once it is `expected` or ten seconds are over: a thread that was joined stays listed for a moment."""
    until = time.monotonic() + 10
    while tasks() not in (None, expected) and time.monotonic() < until:
        time.sleep(0.001)
    return tasks()
