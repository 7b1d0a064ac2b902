"""How much a process may take from now on: memory and processor time, where the kernel counts them (Linux)."""

from __future__ import annotations

import math
import sys
import time


def memory(size: int) -> None:
    """So many bytes more than now, and no more; nor is memory written to a file when it falls."""
    if sys.platform == "linux":
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib is not loaded in a worker
            now = int(file.read().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = now + size if most == resource.RLIM_INFINITY else min(now + size, most)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def processor(seconds: int) -> None:
    """So many seconds of processor time and no more: SIGXCPU ends what goes on."""
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        limit = math.ceil(time.process_time()) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
