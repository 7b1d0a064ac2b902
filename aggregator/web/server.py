"""Serves the pages from a thread of its own: pages never block polling."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import threading

import uvicorn
from anyio.to_thread import current_default_thread_limiter, run_sync

from aggregator.app import App
from aggregator.progress import QUIET, Progress, Pulse
from aggregator.web.pages import build
from aggregator.web.patience import PatientProtocol

log = logging.getLogger("aggregator")

THREADS = 6
WALK_SECONDS = 10
SWITCH_SECONDS = 0.0005
"""After how long a thread that computes lets another go on, where Python's own 5 ms would be waited for several times an answer."""


class _Server(uvicorn.Server):
    """Wakes once a second, not ten times; whether its threads are free is tried by a walk through them."""

    def __init__(self, config: uvicorn.Config, pulse: Pulse) -> None:
        super().__init__(config)
        self._pulse = pulse
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._walk: asyncio.Task[None] | None = None

    async def main_loop(self) -> None:
        """Until `end`. The number of a tick that `on_tick` is given says that the clock in the answers' heads is due."""
        self._loop = asyncio.get_running_loop()
        seconds = 0
        while not await self.on_tick(0):
            if seconds % WALK_SECONDS == 0 and (self._walk is None or self._walk.done()):
                self._walk = self._loop.create_task(run_sync(self._pulse.beat))
            seconds += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), 1.0)

    def end(self) -> None:
        """Leave the loop; from any thread."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._over.set)


class WebThread:
    """uvicorn on a socket that is bound at once, so that a taken port is known before anything starts."""

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        protocol: type[PatientProtocol] = PatientProtocol,
        progress: Progress | None = None,
    ) -> None:
        """Bind. Raises OSError when the address is taken or not ours. To `progress` it says that it gets on, as `web`."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # By its name: asyncio sends at once (TCP_NODELAY) only where it knows that this is TCP, else each answer waits for 40 ms.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen(128)
        except OSError:
            self._socket.close()
            raise
        bound = self._socket.getsockname()[1]
        self.url = f"http://{'[' + host + ']' if ':' in host else host}:{bound}/"
        web = app.configuration.settings.web
        config = uvicorn.Config(
            build(app, progress=progress),
            http=protocol,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=bool(web.trusted_proxies),
            forwarded_allow_ips=[str(network) for network in web.trusted_proxies],
            timeout_graceful_shutdown=2,
        )
        self._pulse = QUIET if progress is None else progress.pulse("web")
        self._server = _Server(config, self._pulse)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def _serve(self) -> None:
        try:
            asyncio.run(self._answer())
        finally:
            self._ended.set()

    async def _answer(self) -> None:
        # Pages compute: more threads at it than this would only wait for each other, each with a connection of its own.
        current_default_thread_limiter().total_tokens = THREADS
        with self._pulse.work():
            await self._server.serve(sockets=[self._socket])

    def start(self) -> None:
        """Serve until stopped."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()

    def wait(self) -> None:
        """Stay until the server ends."""
        while not self._ended.wait(0.5):
            pass

    def stop(self) -> None:
        """Finish the requests at hand and end, within three seconds."""
        self._server.end()
        if self._thread.ident is not None:
            # Not by join: one that Ctrl-C breaks off takes the thread for ended (Python 3.11), and the socket would be closed under it.
            self._ended.wait(3)
        self._socket.close()


def beside(app: App, progress: Progress) -> WebThread | None:
    """The pages beside the lines; where their port is taken that is said, and the lines work without them."""
    web = app.configuration.settings.web
    try:
        thread = WebThread(app, web.host, web.port, progress=progress)
    except OSError as e:
        log.error(  # noqa: TRY400 - no traceback for people
            "web pages are not served: %s:%d: %s; set web.port or web.enabled", web.host, web.port, e.strerror
        )
        return None
    thread.start()
    log.info("web pages on %s", thread.url)
    return thread
