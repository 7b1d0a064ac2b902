"""The rules of the house (DESIGN §2, CONTRIBUTING.md), held by the suite instead of by memory."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from tests.commands_page import commands

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aggregator"
MODULES = sorted(PACKAGE.rglob("*.py"))
CODE = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
LINT_IMPORTS = [
    sys.executable,
    "-c",
    "from importlinter.cli import lint_imports_command as lint; lint()",
    "--no-logo",
    "--no-cache",
]

COMMANDS = """
demo, init, check, doctor, health, systemd, config schema, run, web, poll,
feeds list, feeds show, feeds add, feeds remove, feeds pause, feeds resume, feeds undo, feeds discover, feeds import, feeds export,
entries, stories, match, search, why, watch list, watch add, watch test, watch backtest, watch lint, digest, editions, render, syndicate,
send, outbox list, outbox show, outbox retry, outbox release, outbox drop,
mail test, mail check, bounce,
subscriptions list, subscriptions add, subscriptions end, subscriptions export, subscriptions erase,
export, stats, backup, restore, prune
"""
"""DESIGN §6: the names are a contract."""

NETWORK = {"socket", "ssl", "http.client", "http.server", "socketserver", "urllib.request", "ftplib", "telnetlib", "xmlrpc", "aiohttp",
           "aiosmtpd", "httpx", "requests", "urllib3", "smtplib"}  # fmt: skip
SPEAKERS = ("fetch", "web", "sample", "delivery")
CLIENTS = {
    "aiohttp",
    "httpx",
    "requests",
    "urllib3",
    "urllib.request",
    "http.client",
    "ftplib",
    "telnetlib",
    "xmlrpc",
    "pycurl",
}
DIALLING = {"create_connection", "open_connection", "connect_ex", "sock_connect", "urlopen", "urlretrieve", "getaddrinfo", "gethostbyname",
            "fetch_url", "fetch_response"}  # fmt: skip
"""Ways to reach out that need no import of a client; the last two are trafilatura's own."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(module: Path | str) -> ast.Module:
    """A module or a text, read once for all rules."""
    return ast.parse(module if isinstance(module, str) else module.read_text("utf-8"))


# -- the direction of imports ----------------------------------------------------------------------------------------


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT_IMPORTS, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_point_one_way_and_each_library_has_one_door() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("feeds/dates.py", "import sqlite3", "Stages and words do no I/O"),
        ("watch/lint.py", "from aggregator.feeds import dates", "Imports point one way"),
        ("send.py", "from aggregator import compose", "Imports point one way"),
        ("render/view.py", "from aggregator.digests import excerpt", "An adapter never calls a stage"),
        ("store/sql/rows.py", "import feedparser", "feedparser has one door"),
        ("poll.py", "import py3langid", "Languages beyond our own four have one door"),
        ("delivery/webhook.py", "import apprise", "Chat and push services have one door"),
        ("delivery/notify.py", "from aggregator.fetch import Client", "Imports point one way"),
        ("helpers.py", "", "Imports point one way"),
    ],
)
def test_the_contracts_bite(tmp_path: Path, module: str, line: str, contract: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "aggregator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / "aggregator" / module
    file.write_text((file.read_text("utf-8") if file.exists() else "") + f"\n{line}\n", "utf-8")
    done = lint_imports(tmp_path)
    broken = [text for text in done.stdout.splitlines() if text.startswith(contract)]
    assert done.returncode == 1, done.stdout
    assert any("BROKEN" in text for text in broken), done.stdout


def test_only_fetch_web_sample_and_delivery_speak_to_the_network() -> None:
    silent = [m for m in MODULES if m.relative_to(PACKAGE).parts[0] not in SPEAKERS]
    speaking = {relative(m): set(imported(m)) & NETWORK - hostname_only(m) - own_machine_only(m) for m in silent}
    assert {name: spoken for name, spoken in speaking.items() if spoken} == {}


def test_only_fetch_asks_other_peoples_servers_for_anything() -> None:
    """A second way out is the commonest way around a guard (reliability §1). Mail goes out through smtplib alone."""
    asking = {relative(m): ways_out(m) for m in MODULES if m.relative_to(PACKAGE).parts[0] != "fetch"}
    assert {name: ways for name, ways in asking.items() if ways} == {}


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("import aiohttp", "aiohttp"),
        ("def f():\n    from urllib import request", "urllib.request"),
        ("import http.client as c", "http.client"),
        ("import importlib\nimportlib.import_module('requests').get(u)", "requests"),
        ("import socket\ns = socket.socket()\ns.connect(('h', 1))", "connect"),
        ("import socket\nsocket.create_connection(('h', 1))", "create_connection"),
        ("import asyncio\nasyncio.open_connection('h', 1)", "open_connection"),
        ("import trafilatura\ntrafilatura.fetch_url(u)", "fetch_url"),
    ],
)
def test_a_second_way_out_is_seen(text: str, way: str) -> None:
    assert way in ways_out(text)


def ways_out(module: Path | str) -> set[str]:
    """What in a module can reach a server: HTTP clients by any import, and calls that connect or look names up."""
    nodes = list(ast.walk(tree(module)))
    text = module if isinstance(module, str) else module.read_text("utf-8")
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    called = {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {
        node.id for node in nodes if isinstance(node, ast.Name)
    }
    names = set(imported(module))
    sockets = {"connect"} & called if "socket.socket" in text else set()  # sqlite3 connects, too
    by_hand = CLIENTS & words if "import_module" in called or "__import__" in called else set()
    return (CLIENTS & names) | by_hand | (DIALLING & called) | sockets


def imported(module: Path | str) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name for a in node.names for name in (a.name, a.name.partition(".")[0]))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, node.module.partition(".")[0])
            yield from (f"{node.module}.{a.name}" for a in node.names)


def hostname_only(module: Path) -> set[str]:
    """`socket` is free where only the machine's own name is asked of it."""
    used = re.findall(r"\bsocket\.(\w+)", module.read_text("utf-8"))
    return {"socket"} if used and set(used) == {"gethostname"} else set()


def own_machine_only(module: Path) -> set[str]:
    """`socket` is free where it speaks to the service manager of this machine alone."""
    used = re.findall(r"\bsocket\.(\w+)", module.read_text("utf-8"))
    return {"socket"} if set(used) == {"socket", "AF_UNIX", "SOCK_DGRAM", "SOCK_CLOEXEC"} else set()


# -- modules ---------------------------------------------------------------------------------------------------------


def test_a_module_is_short_and_says_what_it_is() -> None:
    # The words everybody shares are one dictionary each.
    limits = {m: 1000 if m.name in ("model.py", "stores.py") else 400 for m in MODULES}
    assert [relative(m) for m, most in limits.items() if len(m.read_text("utf-8").splitlines()) > most] == []
    assert [relative(m) for m in MODULES if not (ast.get_docstring(tree(m)) or "").strip()] == [], "no docstring"


def test_no_module_is_a_drawer_for_everything() -> None:
    names = {m.stem for m in CODE} | {m.parent.name for m in MODULES}
    assert not names & {
        "utils",
        "util",
        "helpers",
        "helper",
        "common",
        "manager",
        "managers",
        "service",
        "services",
        "misc",
        "tools",
    }


def test_no_function_of_the_package_is_longer_than_sixty_lines() -> None:
    long = [
        f"{relative(m)}: {node.name}: {length}"
        for m in MODULES
        for node in ast.walk(tree(m))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > 60
    ]
    assert long == []


def test_every_suppression_names_its_rule_and_its_reason() -> None:
    bare = [
        f"{relative(m)}:{number}: {line.strip()}"
        for m in CODE
        for number, line in enumerate(m.read_text("utf-8").splitlines(), 1)
        if "#" in line and (re.search(r"#\s*noqa(?!: [A-Z]+[0-9]+)", line) or re.search(r"#\s*type: ignore(?!\[)", line)
        or (PACKAGE in m.parents and re.search(r"#\s*noqa: [A-Z0-9, ]+$", line)))
    ]  # fmt: skip
    assert bare == []


# -- commands --------------------------------------------------------------------------------------------------------


def test_every_command_of_the_design_exists() -> None:
    existing = {" ".join(path) for path, _ in commands()}
    assert sorted({name.strip() for name in COMMANDS.replace("\n", " ").split(",")} - existing) == []


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_and_option_has_help(path: tuple[str, ...], command: click.Command) -> None:
    assert (command.help or "").strip(), path
    bare = [
        p.opts[0] for p in command.params if isinstance(p, click.Option) and not p.hidden and not (p.help or "").strip()
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("path", "command"),
    [c for c in commands() if not isinstance(c[1], click.Group)],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_every_command_shows_an_example(path: tuple[str, ...], command: click.Command) -> None:
    assert f"aggregator {' '.join(path)}" in re.sub(
        r"--home \S+ |AGGREGATOR\w+=\S+ ", "", (command.help or "").partition("Example")[2]
    )


def test_what_lists_speaks_json() -> None:
    """`--json` on everything that lists (DESIGN §6)."""
    listing = {
        "poll",
        "feeds list",
        "entries",
        "stories",
        "search",
        "editions",
        "outbox list",
        "subscriptions list",
        "watch list",
        "stats",
        "send",
    }
    found = {" ".join(path): command for path, command in commands()}
    assert sorted(n for n in listing if not any("--json" in p.opts for p in found[n].params)) == []


# -- the repository --------------------------------------------------------------------------------------------------


def files() -> Iterator[Path]:
    """What belongs to the repository, as text."""
    skipped = {"__pycache__", "node_modules", "var", "demo", "dist", "build", "results"}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(p.startswith(".") and p not in (".ci", ".gitignore") for p in parts)
        if path.is_file() and not hidden and not skipped & set(parts):
            yield path


def test_no_file_names_the_host_of_a_package_index() -> None:
    # Put together here, so that this file does not name them either.
    hosts = [".".join(parts).encode() for parts in (("pypi", "org"), ("files", "pythonhosted"), ("registry", "npmjs"))]
    named = [relative(f) for f in files() if any(host in f.read_bytes() for host in hosts)]
    assert named == []


def test_there_is_no_lock_file() -> None:
    """They carry addresses of package servers (DESIGN §7)."""
    assert [
        relative(f)
        for f in files()
        if f.name in ("uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json", "pdm.lock")
    ] == []
