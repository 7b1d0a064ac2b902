"""Serves the pages from a thread of its own: pages never block polling."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading

import uvicorn
from anyio.to_thread import current_default_thread_limiter

from aggregator.app import App
from aggregator.web.pages import build
from aggregator.web.patience import PatientProtocol

THREADS = 6
SWITCH_SECONDS = 0.0005
"""After how long a thread that computes lets another go on, where Python's own 5 ms would be waited for several times an answer."""


class WebThread:
    """uvicorn on a socket that is bound at once, so that a taken port is known before anything starts."""

    def __init__(self, app: App, host: str, port: int, protocol: type[PatientProtocol] = PatientProtocol) -> None:
        """Bind. Raises OSError when the address is taken or not ours."""
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
            build(app),
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
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def _serve(self) -> None:
        asyncio.run(self._answer())

    async def _answer(self) -> None:
        # Pages compute: more threads at it than this would only wait for each other, each with a connection of its own.
        current_default_thread_limiter().total_tokens = THREADS
        await self._server.serve(sockets=[self._socket])

    def start(self) -> None:
        """Serve until stopped."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()

    def wait(self) -> None:
        """Stay until the server ends."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def stop(self) -> None:
        """Finish the requests at hand and end, within three seconds."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(3)
        self._socket.close()
