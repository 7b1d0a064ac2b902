"""Killable processes for work on untrusted documents, on pebble's process pool. The only door to pebble.

A document may loop, devour memory or crash its interpreter: that ends its own attempt and nothing else. Processes start
at the first task, from a fork server that has the parsers loaded, and are replaced after 200 journeys. Small tasks that wait
together travel together, since the way costs more than they do; if that goes wrong each is tried alone, and judged by that.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from aggregator import confine
from aggregator.errors import Quarantine, Retry

T = TypeVar("T")

MAX_TASKS = 200
MEMORY = 512 * 1024 * 1024
PRELOAD = ("aggregator.feeds.parse", "nh3")
TOGETHER = 8
LUGGAGE = 512 * 1024
"""Tasks, and bytes of their payloads, that share a journey to a worker at most."""
YOUNG = 50_000
"""New objects between two looks of a worker's collector for circles; its own 700 costs a tenth of the time of parsing."""
WATCH = 1.0
PATIENCE = 30.0
"""Seconds between two looks for lost tasks, and how long after its time a task counts as lost."""
IDLE = 60.0
"""Seconds after which a worker with nothing to do is let go: it takes 70 MB, and what looks after it a fifth of a percent of a core."""
ATTEMPTS = 3
"""How often a task may be caught in the fall of a pool that somebody else broke."""
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
_UNKNOWN = 255
_INNOCENT = frozenset({-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, signal.SIGTERM.value, _UNKNOWN})
"""How a worker ends that was stopped from outside, by a service manager for instance (255: the fork server fell too)."""


class _Outcome(NamedTuple):
    """What a task came to, pickled by us: a value that cannot be sent must not bring the pool down."""

    kind: Literal["value", "error", "memory"]
    data: bytes


@dataclass(eq=False)
class _Task:
    """A piece of work and the future its caller holds."""

    payload: bytes
    subject: str
    future: Future[Any] = field(default_factory=Future)
    attempts: int = 0
    alone: bool = False


@dataclass(eq=False)
class _Slot:
    """One worker: a pebble pool of one process, what it is at and since when, or since when it rests.

    Every worker has a pool of its own, because pebble's processes share their pipe and its locks: when one dies, a task
    of another may be lost with it, or blamed.
    """

    pool: Any
    tasks: tuple[_Task, ...] = ()
    inner: Any = None
    since: float = 0.0
    rests_since: float = 0.0


class Pool:
    """Workers (aggregator.ports) over pebble. May be used from several threads.

    Args:
        max_workers: processes at most.
        timeout: seconds a task may take.
        memory: bytes a task may use beyond what a fresh worker has.
        max_tasks: journeys of tasks after which a process is replaced.
    """

    idle = IDLE

    def __init__(
        self, *, max_workers: int = 2, timeout: float = 10.0, memory: int = MEMORY, max_tasks: int = MAX_TASKS
    ) -> None:
        self._max_workers = max(1, max_workers)
        self._timeout = timeout
        self._memory = memory
        self._max_tasks = max_tasks
        self._lock = threading.RLock()
        self._waiting: deque[_Task] = deque()
        self._slots: list[_Slot] = []
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Run `work(*args)` in a worker; an exception it raises is raised by the future as it is.

        The future raises Quarantine with class parse_timeout when time, memory or a crash ended the worker.
        """
        return self.submit_all(work, [args])[0]

    def submit_all(self, work: Callable[..., T], each: Sequence[tuple[Any, ...]]) -> list[Future[T]]:
        """The same for several sets of arguments, which may travel together."""
        tasks = [_task(work, args) for args in each]
        for task in tasks:
            task.future.add_done_callback(partial(self._abandon, task))
        with self._lock:
            if self._closed.is_set():
                raise RuntimeError("the workers are closed")
            self._waiting += tasks
        self._pump()
        return [task.future for task in tasks]

    def close(self) -> None:
        """Stop the workers at once; what is not finished is cancelled. Safe to call twice."""
        with self._lock:
            self._closed.set()
            slots, self._slots = self._slots, []
            unfinished = [*self._waiting, *(task for slot in slots for task in slot.tasks)]
            self._waiting.clear()
            threads, self._threads = self._threads, []
        for task in unfinished:
            task.future.cancel()
        for slot in slots:
            slot.pool.stop()
        for slot in slots:
            slot.pool.join()
        for thread in threads:
            thread.join()

    # -- the queue -------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Give each idle worker something to do, starting workers while there are too few; the other tasks wait here."""
        with self._lock:
            while self._waiting and not self._closed.is_set():
                slot = next((slot for slot in self._slots if not slot.tasks), None)
                if slot is None and len(self._slots) >= self._max_workers:
                    return
                tasks = self._next()
                if tasks:
                    self._start(tasks, slot)

    def _next(self) -> tuple[_Task, ...]:
        """The next task, and those behind it that may come along; none where all were cancelled."""
        share = min(TOGETHER, -(-len(self._waiting) // self._max_workers))
        taken: list[_Task] = []
        room = LUGGAGE
        while self._waiting and len(taken) < share:
            task = self._waiting[0]
            room -= len(task.payload)
            if taken and (task.alone or room < 0):
                break
            self._waiting.popleft()
            if task.future.cancelled():
                continue
            taken.append(task)
            if task.alone:
                break
        return tuple(taken)

    def _start(self, tasks: tuple[_Task, ...], slot: _Slot | None) -> None:
        for task in tasks:
            task.attempts += 1
        try:
            if slot is not None and not slot.pool.active:
                self._retire(slot)
                slot = None
            slot = slot or self._fresh()
            payloads = [task.payload for task in tasks]
            inner = slot.pool.schedule(_run, args=(payloads, self._timeout), timeout=self._timeout)
        except (OSError, EOFError, RuntimeError) as e:
            for task in tasks:
                if isinstance(e, OSError) and e.errno in _FULL:
                    _fulfil(task.future, None, e)  # this machine's limits are no fault of a document
                _fulfil(task.future, None, Retry("internal", f"no worker could be started: {e}", task.subject))
            return
        slot.tasks, slot.inner, slot.since = tasks, inner, time.monotonic()
        inner.add_done_callback(partial(self._settle, slot, tasks))

    def _fresh(self) -> _Slot:
        from pebble import ProcessPool

        _occupy_standard_files()
        pool = ProcessPool(
            max_workers=1,
            max_tasks=self._max_tasks,
            initializer=_prepare,
            initargs=(self._memory,),
            context=_context(),
        )
        slot = _Slot(pool, rests_since=time.monotonic())
        self._slots.append(slot)
        if not self._threads:
            self._beside("watch workers", self._watch)
        return slot

    def _retire(self, slot: _Slot) -> None:
        """Stop a broken worker beside the work: its own threads may be the ones that tell us."""
        self._slots = [other for other in self._slots if other is not slot]
        self._beside("retire worker", partial(_stop, slot.pool))

    def _beside(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]

    def _watch(self) -> None:
        """Find tasks that pebble has lost, for it forgets one that comes just as its pool breaks; and let go who has nothing to do."""
        while not self._closed.wait(WATCH):
            with self._lock:
                for slot in [s for s in self._slots if not s.tasks and time.monotonic() - s.rests_since > self.idle]:
                    self._retire(slot)
                lost = [slot for slot in self._slots if slot.tasks and self._is_lost(slot)]
                journeys = [slot.tasks for slot in lost]
                for slot in lost:
                    slot.tasks, slot.inner = (), None
                    self._retire(slot)
            for tasks in journeys:
                self._again(tasks, BrokenPipeError("its worker was lost"))

    def _is_lost(self, slot: _Slot) -> bool:
        return not slot.pool.active or time.monotonic() - slot.since > self._timeout + PATIENCE

    # -- the end of a task -----------------------------------------------------------------------------------------

    def _settle(self, slot: _Slot, tasks: tuple[_Task, ...], inner: Any) -> None:
        with self._lock:
            if slot.tasks is not tasks or slot.inner is not inner:
                return
            slot.tasks, slot.inner, slot.rests_since = (), None, time.monotonic()
        error = None if inner.cancelled() else inner.exception()
        if inner.cancelled():
            self._wait([task for task in tasks if not task.future.cancelled()])
        elif error is not None:
            self._again(tasks, error)
        else:
            for task, outcome in zip(tasks, inner.result(), strict=True):
                _fulfil(task.future, *self._opened(task, outcome))
        self._pump()

    def _again(self, tasks: tuple[_Task, ...], error: BaseException) -> None:
        """Try tasks once more that were only near when a worker fell, one by one; tell the verdict on any other."""
        if len(tasks) == 1 and not self._innocent(tasks[0], error):
            _fulfil(tasks[0].future, None, self._verdict(tasks[0], error))
            return
        for task in tasks:
            task.alone = True
        self._wait(tasks)
        self._pump()

    def _wait(self, tasks: Sequence[_Task]) -> None:
        """Put tasks back to the head of the queue; where that is closed, they end."""
        with self._lock:
            if not self._closed.is_set():
                self._waiting.extendleft(reversed(tasks))
                return
        for task in tasks:
            task.future.cancel()

    def _innocent(self, task: _Task, error: BaseException) -> bool:
        if isinstance(error, TimeoutError) or self._closed.is_set() or task.attempts >= ATTEMPTS:
            return False
        exitcode = getattr(error, "exitcode", None)
        return exitcode in _INNOCENT if exitcode is not None else True

    def _opened(self, task: _Task, outcome: _Outcome) -> tuple[Any, BaseException | None]:
        """The value or the exception that came back."""
        if outcome.kind == "memory":
            message = f"the document needs more than {self._memory // 2**20} MB of memory"
            return None, Quarantine("parse_timeout", message, task.subject)
        try:
            opened = pickle.loads(outcome.data)  # noqa: S301 - from our own worker
        except Exception as e:  # noqa: BLE001 - whatever its __setstate__ does, the caller must hear of it
            return None, e
        return (opened, None) if outcome.kind == "value" else (None, opened)

    def _verdict(self, task: _Task, error: BaseException) -> Quarantine:
        exitcode = getattr(error, "exitcode", 0)
        if isinstance(error, TimeoutError) or exitcode == -signal.SIGXCPU:
            return Quarantine("parse_timeout", f"the document took longer than {self._timeout:g} s", task.subject)
        how = f"signal {-exitcode}" if exitcode < 0 else f"exit {exitcode}" if exitcode else str(error)
        return Quarantine("parse_timeout", f"the document brought its worker down ({how})", task.subject)

    def _abandon(self, task: _Task, future: Future[Any]) -> None:
        """The caller no longer wants it: free the worker."""
        if future.cancelled():
            with self._lock:
                inner = next((slot.inner for slot in self._slots if task in slot.tasks), None)
            if inner is not None:
                inner.cancel()


# -- in this process -----------------------------------------------------------------------------------------------------


def _context() -> Any:
    """Fork server where there is one: workers start in milliseconds and never inherit our threads and locks."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    return context


def _task(work: Callable[..., Any], args: tuple[Any, ...]) -> _Task:
    payload = pickle.dumps((work, args), protocol=pickle.HIGHEST_PROTOCOL)
    return _Task(payload, next((a for a in args if isinstance(a, str)), ""))


def _fulfil(future: Future[Any], value: Any, problem: BaseException | None) -> None:
    with contextlib.suppress(InvalidStateError):  # the caller may have cancelled it meanwhile
        if problem is not None:
            future.set_exception(problem)
        else:
            future.set_result(value)


def _stop(pool: Any) -> None:
    pool.stop()
    pool.join()


def _occupy_standard_files() -> None:
    """A daemon may run with stdin, stdout or stderr closed; a pipe that got their number would not survive a start."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


# -- in the worker -------------------------------------------------------------------------------------------------------


def _prepare(memory: int) -> None:
    """A fresh worker: dies at SIGTERM even inside C code, and may use so much memory and no more."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
    confine.memory(memory)


def _run(payloads: Sequence[bytes], timeout: float) -> list[_Outcome]:
    """Some tasks. Should our parent be gone, nobody would end a loop: then the kernel does, by processor time or alarm."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(timeout * 2) + 5)
    confine.processor(math.ceil(timeout) + 1)
    try:
        return [_outcome(payload) for payload in payloads]
    finally:
        signal.alarm(0)


def _outcome(payload: bytes) -> _Outcome:
    try:
        work, args = pickle.loads(payload)  # noqa: S301 - from our own parent
        return _Outcome("value", pickle.dumps(work(*args), protocol=pickle.HIGHEST_PROTOCOL))
    except MemoryError:
        return _Outcome("memory", b"")
    except Exception as e:  # noqa: BLE001 - the caller's future raises it
        return _Outcome("error", _sendable(e))


def _sendable(error: Exception) -> bytes:
    """The exception pickled; one that does not survive the journey by its name and words."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever its __reduce__ does
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return data
