"""What the first process of a container owes to orphans: somebody has to take note of their end, or they stay in the table for ever."""

from __future__ import annotations

import contextlib
import os
import sys

FIRST = 1


def reap() -> int:
    """Let go of orphans that have ended and were left to us, as workers are whose fork server fell; how many.

    Those that multiprocessing has started itself it asks after itself, and would stumble over one that is gone.
    """
    if os.getpid() != FIRST:
        return 0
    count = 0
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in _its_own():
                break  # it stands before the others until the next task asks after it
            os.waitpid(ended.si_pid, 0)
            count += 1
    return count


def _its_own() -> set[int]:
    """The fork server and the tracker of resources, where there are any; the library offers no list of its own."""
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    tracker = getattr(sys.modules.get("multiprocessing.resource_tracker"), "_resource_tracker", None)
    return {getattr(server, "_forkserver_pid", None) or 0, getattr(tracker, "_pid", None) or 0}
