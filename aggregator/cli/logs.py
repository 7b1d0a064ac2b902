"""The log on standard error: lines for people, for machines, or for the journal of systemd. No address and no secret leaves here.

Who logs leaves addresses and secrets out; what slips through all the same (a server's own words, a traceback) is taken out of the
finished line.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from aggregator import urls

PRIORITIES: Mapping[int, int] = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
"""Of syslog, which sd-daemon(3) reads at the beginning of a line."""
_SECRET = re.compile(
    r"(?P<url>\b[a-z][a-z0-9+.-]{1,15}://[^\s<>\"']+)"
    r"|(?P<address><?[^\s<>\"'(),;:=/]{1,64}@[^\s<>\"'(),;:/]{1,255}>?)"
    r"|(?P<token>\bagg_[A-Za-z0-9_-]{8,}|(?<![A-Za-z0-9_-])[a-z2-7]{26}(?![A-Za-z0-9_-]))"
)


def set_up_logging(
    level: str, form: str, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ
) -> None:
    """Log to stderr: ours from `level` on, what libraries say from warnings on. Threads that break say so there, too."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    shape: logging.Formatter = JsonLines() if form == "json" else TextLines()
    handler.setFormatter(JournalLines(shape) if is_journal(stream, environ) else shape)
    logging.raiseExceptions = False  # a full disk takes no log, and needs no traceback beside it
    logging.basicConfig(level="WARNING", handlers=[handler], force=True)
    logging.getLogger("aggregator").setLevel(level.upper())
    # APScheduler warns of each tick that comes while its line is still at work: that is how it should be.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    threading.excepthook = _broken


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream leads to systemd's journal: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{found.st_dev}:{found.st_ino}"


def discreet(text: str) -> str:
    """The text without addresses, passwords and tokens."""
    return _SECRET.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    if found["url"]:
        # A path may hold a token, as in the links of mails.
        return re.sub(r"(?<=/)[a-z2-7]{26}(?![A-Za-z0-9_-])", "***", urls.mask(found["url"]))
    return "(address)" if found["address"] else "(token)"


def _broken(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit and args.exc_value is not None:
        told = (args.exc_type, args.exc_value, args.exc_traceback)
        logging.getLogger("aggregator").error("a thread broke", exc_info=told)


class TextLines(logging.Formatter):
    """`2026-11-27 05:00:00 UTC WARNING feed belta-en: ...`."""

    def __init__(self, form: str = "%(asctime)s %(levelname)s %(message)s") -> None:
        super().__init__(form, "%Y-%m-%d %H:%M:%S %Z")

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines where there is a traceback."""
        return discreet(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `event`, `message`, and what the event is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The traceback of a programming error is a text in it."""
        fields: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "log"),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if not record.name.startswith("aggregator"):
            fields["logger"] = record.name
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        shown = {name: discreet(value) if isinstance(value, str) else value for name, value in fields.items()}
        return json.dumps(shown, ensure_ascii=False, default=str)


class JournalLines(logging.Formatter):
    """Each line with its priority in front, `<4>`; the journal has a clock of its own."""

    def __init__(self, shape: logging.Formatter) -> None:
        super().__init__()
        self._shape = shape if isinstance(shape, JsonLines) else TextLines("%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Of a traceback every line has it."""
        mark = f"<{PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(mark + line for line in self._shape.format(record).splitlines())
