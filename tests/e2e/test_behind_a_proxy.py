"""The pages behind a web server, set up as docs/operations.md says: nginx and Caddy, where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection  # noqa: TID251 - this is a browser
from pathlib import Path

import pytest

from aggregator.app import build
from tests import examples
from tests.conformance.test_fetch_access import CERTIFICATE
from tests.e2e.browser import Browser, served
from tests.e2e.homes import ENVIRON, write_home

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text("utf-8")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
VISITOR = "127.0.7.9"
"""Where the browser comes from; the proxy comes from 127.0.0.1."""
Proxy = Callable[[Path, str, int], AbstractContextManager[Path]]
"""Starts a web server: its folder, where the pages are, its port; whose word its certificate is."""


def block(language: str) -> str:
    """The example of the page in that language."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@dataclass
class Visitor(Browser):
    """Asks for https://news.example at a port of loopback; the certificate must be one that `trusted` vouches for."""

    port: int = 0
    trusted: Path = CERTIFICATE

    def connection(self) -> HTTPConnection:
        """TLS under the name, whoever the certificate is for."""
        context = ssl.create_default_context(cafile=str(self.trusted))
        context.check_hostname = False
        made = HTTPSConnection("news.example", timeout=10, context=context)
        wire = socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(VISITOR, 0))
        made.sock = context.wrap_socket(wire, server_hostname="news.example")
        return made


@contextmanager
def nginx(folder: Path, pages: str, port: int) -> Iterator[Path]:
    """It, with the page's block; whose word its certificate is."""
    site = block("nginx").replace("http://127.0.0.1:8080", pages).replace("listen 443", f"listen 127.0.0.1:{port}")
    site = re.sub(r"(ssl_certificate(?:_key)?) \S+;", rf"\1 {CERTIFICATE};", site)
    own = "".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    head = f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log; events {{}}"
    (folder / "nginx.conf").write_text(f"{head}\nhttp {{ access_log off; {own}\n{site}}}\n")
    with started(["nginx", "-p", f"{folder}/", "-e", f"{folder}/log", "-c", f"{folder}/nginx.conf"], {}, port):
        yield CERTIFICATE


@contextmanager
def caddy(folder: Path, pages: str, port: int) -> Iterator[Path]:
    """The same of Caddy, which makes a certificate of its own here instead of asking for one."""
    site = block("caddy").replace("127.0.0.1:8080", pages.removeprefix("http://"))
    site = site.replace("news.example {", f"https://news.example:{port} {{\n    bind 127.0.0.1")
    (folder / "Caddyfile").write_text(
        f"{{\nadmin off\nlocal_certs\nskip_install_trust\nauto_https disable_redirects\n}}\n{site}"
    )
    homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    words = ["caddy", "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]
    with started(words, homes, port):
        yield folder / "caddy/pki/authorities/local/root.crt"


@contextmanager
def started(words: Sequence[str], environ: Mapping[str, str], port: int) -> Iterator[None]:
    """A server that listens; it is ended with the block."""
    with subprocess.Popen(
        words, env={"PATH": PATH, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            deadline = time.monotonic() + 15
            while not listens(port):
                assert process.poll() is None and time.monotonic() < deadline, words  # noqa: PT018 - either way it is not there
                time.sleep(0.02)  # noqa: TID251 - a real process
            yield
        finally:
            process.terminate()
            process.communicate(timeout=10)


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """One that the system has just had to give."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def missing(name: str) -> pytest.MarkDecorator:
    """Skips where it is not installed."""
    return pytest.mark.skipif(shutil.which(name, path=PATH) is None, reason=f"{name} is not installed")


@pytest.mark.parametrize(
    "server", [pytest.param(s, marks=missing(n), id=n) for n, s in {"nginx": nginx, "caddy": caddy}.items()]
)
def test_the_pages_stand_behind_a_web_server_as_the_page_says(server: Proxy, tmp_path: Path) -> None:
    home, folder, port = tmp_path / "home", tmp_path / "proxy", free_port()
    folder.mkdir()
    write_home(home, [])
    ours = next(one for one in examples.of(PAGE) if isinstance(one, examples.File) and "trusted_proxies" in one.text)
    (home / ours.path).write_text(ours.text)
    with ExitStack() as stack:
        app = stack.enter_context(build(home, ENVIRON))
        app.sync()
        pages = stack.enter_context(served(app)).rstrip("/")
        trusted = stack.enter_context(server(folder, pages, port))
        visitor = Visitor("https://news.example", port=port, trusted=trusted)
        assert "Today" in visitor.ask("/").page
        entered = visitor.sign_in(app, "outbox")
        assert (entered.status, entered.location) == (303, "/outbox")
        assert entered.cookie.startswith("__Host-")
        assert "; Secure" in entered.cookie
        assert visitor.ask("/outbox").status == 200, "a form and a cookie came through"
        (session,) = app.stores.credentials.list(app.clock.now(), "session")
        assert session.name == "127.0.7.0/24", "the visitor's network, not that of the web server"
