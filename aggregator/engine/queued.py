"""The engine of several machines: Procrastinate, a queue in the same PostgreSQL. The only door to procrastinate.

A task says nothing but which line is to look for what is due; what a run works on it claims from the store. So a task may be
lost, come twice or late. Its tables stand in a schema that bears the version: workers of two versions each have their own
queue while one takes over from the other, and nothing of it needs to be migrated or backed up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TimedOut
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar

import procrastinate
import psycopg
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from psycopg.conninfo import make_conninfo

from aggregator.engine.leader import Leader
from aggregator.errors import StoreError
from aggregator.ports import Runner

T = TypeVar("T")
log = logging.getLogger("aggregator")
for name in ("procrastinate", "psycopg"):
    logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is told by whoever meets it

SCHEMA = "procrastinate_" + re.sub(r"\W", "_", version("procrastinate"))
TASK = "line"
LANES: tuple[tuple[str, ...], ...] = (("poll",), ("compose",), ("send",), ("enrich",), ("signals", "notices", "upkeep"))
"""Lines that take turns in one process; each lane listens for tasks by itself, so that a long sweep keeps no alert waiting."""
SHARED = ("poll", "send", "enrich")
"""Lines that several processes run at once: as many tasks are asked for as there are workers."""
OWN = "heartbeat"
"""The line that whoever leads runs itself."""
HEARTBEAT = 5.0
STALLED = 20.0
"""Seconds between two signs of life, and without one after which the tasks of a worker are given to others."""
LOOK = 2.0
"""Seconds after which a lane looks for tasks that it was not told of: the library drops a notification that comes as it looks."""
RETRY = 2.0
PATIENCE = 10.0
"""Seconds before the server is tried again, and that asking for a line may take."""


class QueuedDispatcher:
    """Dispatcher (aggregator.ports): tasks for whichever worker is free, asked for by the one who leads."""

    def __init__(self, url: str, lines: Collection[str], workers: Callable[[str], int] = lambda _: 1) -> None:
        """Arguments.

        url: of the database, as libpq takes it.
        lines: those that this process runs.
        workers: how many processes run a line.
        """
        self._url = url
        self._lines = frozenset(lines)
        self._workers = workers
        self._leader = Leader(url)
        self._runner: Runner | None = None
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._app: procrastinate.App | None = None
        self._main: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._own = ThreadPoolExecutor(1, thread_name_prefix="line")
        self._away = False

    def begin(self, runner: Runner) -> None:
        """See Dispatcher.begin. Raises StoreError: the tables of the queue cannot be made."""
        self._runner = runner
        try:
            lay_down(self._url)
        except psycopg.Error as e:
            raise StoreError(
                f"the queue: {_first_line(e)}; see that the server runs and takes this role", "away"
            ) from e
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="engine", daemon=True)
        self._thread.start()
        ready.wait()

    def leads(self) -> bool:
        """See Dispatcher.leads."""
        before = self._leader.leads
        now = not self._stopped.is_set() and self._leader.ask()
        if now != before:
            log.info("this worker %s", "looks at the clock for all" if now else "leads no more")
        return now

    def ask(self, line: str) -> bool:
        """See Dispatcher.ask: False when the queue cannot be reached."""
        if self._stopped.is_set():
            return False
        if line == OWN:
            return self._run_own(line)
        count = max(1, self._workers(line)) if line in SHARED else 1
        with contextlib.suppress(ConnectorException, psycopg.Error, TimedOut, CancelledError, RuntimeError):
            return self._do(self._ask(line, count))
        return False

    def stop(self) -> None:
        """See Dispatcher.stop."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._leader.close()
            self._own.shutdown(wait=False)
            if self._loop is not None and self._main is not None:
                with contextlib.suppress(RuntimeError):  # it has ended by itself
                    self._loop.call_soon_threadsafe(self._main.cancel)

    def wait(self, seconds: float) -> bool:
        """After `stop`: wait so long at most until every run has ended and its task is out of the queue; whether that is so."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    # -- in the threads of the ticks and of lines ------------------------------------------------------------------------

    def _run_own(self, line: str) -> bool:
        runner = self._runner
        if runner is None or not runner.begin(line):
            return False
        try:
            self._own.submit(runner.run, line)
        except RuntimeError:  # just now the process ends
            runner.rests(line)
        return True

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have it done in the engine's thread. Raises RuntimeError: there is none."""
        if self._loop is None or self._app is None:
            work.close()
            raise RuntimeError("the engine does not run")
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return done.result(PATIENCE)
        except TimedOut:
            done.cancel()
            raise

    def _run(self, line: str) -> None:
        """A task, in a thread of its own. Where the line is at work or rests, the next tick asks again."""
        runner = self._runner
        self._answers()
        if runner is not None and not self._stopped.is_set() and runner.begin(line):
            runner.run(line)

    # -- in the engine's thread ------------------------------------------------------------------------------------------

    def _serve(self, ready: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            with contextlib.suppress(asyncio.CancelledError):
                runner.run(self._live(ready))
            self._loop = None

    async def _live(self, ready: threading.Event) -> None:
        self._main = asyncio.current_task()
        # The library leaves tasks behind whose fault nobody asks for; it is met again by whoever uses the queue.
        asyncio.get_running_loop().set_exception_handler(lambda _, told: log.debug("the queue: %s", told))
        ready.set()
        await self._tireless(self._work)

    async def _tireless(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it anew whenever it ends, until all is stopped: the library gives up when the server is away for a moment."""
        while not self._stopped.is_set():
            try:
                await work()
            except (ConnectorException, psycopg.Error, OSError) as e:
                if not self._away:
                    log.warning("the queue does not answer: %s; it is tried again", _first_line(e.__cause__ or e))
                self._away = True
            except Exception:  # a programming error must not end the worker
                log.exception("the queue")
            await asyncio.sleep(RETRY)

    def _answers(self) -> None:
        if self._away:
            self._away = False
            log.info("the queue answers again")

    async def _work(self) -> None:
        """Every lane by itself: what one of them meets, or has under way, holds up no other."""
        async with self._opened() as app, asyncio.TaskGroup() as group:
            self._app = app
            for lane in LANES:
                if mine := self._lines.intersection(lane):
                    group.create_task(self._tireless(partial(self._lane, app, sorted(mine))))
            group.create_task(self._tireless(partial(self._care, app)))

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[procrastinate.App]:
        """An App of procrastinate that knows our one task."""
        known = {"application_name": "aggregator engine", "connect_timeout": "5"}
        connector = procrastinate.PsycopgConnector(
            conninfo=make_conninfo(self._url, **known, options=f"-c search_path={SCHEMA}"),
            min_size=1,
            max_size=len(LANES) + 3,
            timeout=PATIENCE,
        )
        app = procrastinate.App(connector=connector)
        app.task(name=TASK)(self._run)
        async with app.open_async():
            try:
                yield app
            finally:
                self._app = None

    async def _lane(self, app: procrastinate.App, queues: list[str]) -> None:
        await app.run_worker_async(
            queues=queues,
            name=queues[0],
            concurrency=1,
            wait=True,
            fetch_job_polling_interval=LOOK,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED,
        )

    async def _ask(self, line: str, count: int) -> bool:
        """Lay so many tasks into the queue, but for those that wait there already."""
        app = self._app
        if app is None:
            return False
        waiting = {
            job.queueing_lock for job in await app.job_manager.list_jobs_async(queue=line, status=Status.TODO.value)
        }
        for lock in (f"{line}/{number}" for number in range(count)):
            if lock not in waiting:  # else the server's log would tell of each as an error
                with contextlib.suppress(AlreadyEnqueued):
                    await app.configure_task(TASK, queue=line, queueing_lock=lock).defer_async(line=line)
        self._answers()
        return True

    async def _care(self, app: procrastinate.App) -> None:
        """While this process leads: what fell with its worker is asked for again, at once."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            if not self._leader.leads:
                continue
            for job in list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED)):
                log.warning("a task %r fell with its worker; it is asked for again", job.queue)
                with contextlib.suppress(ConnectorException):  # it has just ended after all
                    await app.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
                await self._ask(job.queue, 1)


def lay_down(url: str) -> None:
    """Make the tables of the queue where they are not there yet. Raises psycopg.Error."""
    with psycopg.connect(make_conninfo(url, connect_timeout="5"), autocommit=True) as conn, conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (SCHEMA,))
        if conn.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.procrastinate_jobs",)).fetchall()[0][0] is not None:
            return
        conn.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
        conn.execute(f"SET LOCAL search_path = {SCHEMA}".encode())
        conn.execute(procrastinate.schema.SchemaManager.get_schema())


def _first_line(error: BaseException) -> str:
    """What it says, in a line; its kind where it says nothing."""
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)
