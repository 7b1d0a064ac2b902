"""Editions to look at: `python -m tests.looks OUT` writes mails and pages as HTML files for anybody with a browser.

The alert, the digest with 1, 12 and 60 stories of several watchlists in four languages, one of everything, and the empty one.
Look at each at 320 and 1280 pixels, light and dark.
"""

from __future__ import annotations

import email
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from itertools import cycle, islice
from pathlib import Path

from aggregator.levels import Prominence
from aggregator.publication import (
    Checked,
    Edition,
    EditionStory,
    Excerpt,
    FailingFeed,
    LateStory,
    Missed,
    Outlet,
    UpdatedStory,
    Window,
)
from aggregator.render import Renderer, RenderOptions

NOW = datetime(2026, 11, 26, 4, 30, tzinfo=UTC)
QUERIES = (
    ("CSTO", '@csto OR "Collective Security Treaty Organisation"'),
    ("Energy", 'energy OR "power grid" OR энергетика~'),
    ("Grain", "grain OR зерно~"),
)
OUTLETS = ("Minsk Wire", "БелТА", "Polesie Today", "ТАСС", "Звязда", "Eurasia Review of Security and Defence", "وكالة الأنباء", "Interfax", "Sputnik", "Kyiv Post", "Reuters", "AP")  # fmt: skip
TOLD = (
    ("en", "CSTO leaders agree on a joint air-defence system at their summit in Minsk", "The leaders of the CSTO agreed on Thursday to join their air defences, the first such step in a decade. The treaty is open to others."),
    ("ru", "Главы государств ОДКБ подписали в Минске заявление о коллективной безопасности", "Главы государств ОДКБ подписали итоговое заявление саммита. Документ предусматривает совместные учения осенью и создание единой системы ПВО."),
    ("be", "Саміт АДКБ у Мінску: пра што дамовіліся кіраўнікі дзяржаў", "Удзельнікі саміту АДКБ абмеркавалі пытанні бяспекі ў рэгіёне. Наступная сустрэча пройдзе ў Душанбэ."),
    ("ar", "قمة منظمة معاهدة الأمن الجماعي CSTO تبدأ في مينسك بمشاركة ستة رؤساء", "بدأت اليوم قمة منظمة معاهدة الأمن الجماعي في مينسك. ويناقش القادة مسائل الأمن الإقليمي."),
    ("en", "Power grid operators test the island mode of the Baltic states", "Operators cut the power grid off from its neighbours for two hours."),
    ("de", "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und Donaudampfschifffahrtsgesellschaftskapitän", "Kurz."),
)  # fmt: skip


def outlets(number: int, start: int) -> tuple[Outlet, ...]:
    names = list(islice(cycle(OUTLETS), start, start + number))
    seen = NOW - timedelta(hours=3, minutes=start)
    return tuple(
        Outlet(
            f"feed{n}", name, n, "", f"https://outlet{n}.example/news/{start}", "en", seen - timedelta(minutes=9), seen
        )
        for n, name in enumerate(names)
    )


def story(number: int) -> EditionStory:
    language, headline, text = TOLD[number % len(TOLD)]
    marks = tuple(
        (headline.index(w), headline.index(w) + len(w)) for w in ("CSTO", "ОДКБ", "АДКБ", "Power grid") if w in headline
    )
    inside = tuple((text.index(w), text.index(w) + len(w)) for w in ("CSTO", "ОДКБ", "АДКБ", "power grid") if w in text)
    ids: tuple[str, ...]
    titles: tuple[str, ...]
    ids, titles = (("csto",), ("CSTO",)) if number % 6 < 4 else (("energy",), ("Energy",))
    if number % 5 == 3:
        ids, titles = ("csto", "energy"), ("CSTO", "Energy")
    told = outlets((1, 4, 12, 2, 1, 3)[number % 6], number % 5)
    return EditionStory(
        number, headline, marks, f"https://outlet0.example/news/{number}", language, told, ids, titles,
        Excerpt(text, inside, source="Звязда" if number % 7 == 2 else ""), ("“ОДКБ” in the title and the text (alias @csto)", "“АДКБ” at Звязда"),
        told[0].published_at or NOW, Prominence("title", 0.9),
    )  # fmt: skip


def edition(number: int, **more: object) -> Edition:
    failing = (FailingFeed("tass", "ТАСС", NOW - timedelta(hours=4, minutes=20), "503"),)
    missed = (Missed("x", "Polesie Today", NOW - timedelta(hours=9), NOW - timedelta(hours=8)),)
    made = Edition(
        "morning", "Morning briefing", "2026-11-26T07:30+03:00", "digest", Window(NOW - timedelta(days=1), NOW), "Europe/Minsk",
        tuple(story(n) for n in range(number)), (), number * 3, 0, Checked(42, 41, failing, missed), QUERIES, NOW, feeds=min(number * 2, 9),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def all_of_them() -> dict[str, Edition]:
    """Every edition worth a look, by the name of its file."""
    instant: dict[str, object] = {
        "kind": "alert",
        "title": "CSTO at once",
        "window": Window(NOW, NOW),
        "queries": QUERIES[:1],
    }
    late = LateStory(
        "Учения ОДКБ начались в Таджикистане",
        "https://outlet1.example/late",
        "ru",
        "ТАСС",
        NOW - timedelta(days=1),
        NOW - timedelta(hours=20),
    )
    told = tuple(replace(story(n), continued=True) for n in (3, 1))
    updated = (
        UpdatedStory(story(0), "CSTO leaders to agree on air defence"),
        UpdatedStory(story(2), story(2).headline),
        UpdatedStory(story(3), "قمة تبدأ غدا"),
    )
    checked = Checked(42, 42)
    return {
        "alert": edition(1, **instant, checked=checked),
        "alert-held": edition(3, **instant, checked=checked, held="quiet"),
        "digest-1": edition(1, queries=QUERIES[:1]),
        "digest-12": edition(12),
        "digest-60": edition(60),
        "everything": edition(2, updated=updated, late=(late,), continued=told),
        "empty": edition(0, checked=checked),
    }


def main(out: Path) -> None:
    """Write every mail's HTML part and its text, and the page of the archive."""
    renderer = Renderer(
        RenderOptions("watch@news.example", "Newsroom", "news.example", "https://news.example", version="0.1.0", postal="News Desk, 1 Independence Avenue, Minsk")
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    for name, made in all_of_them().items():
        rendered = renderer.render(made)
        raw = renderer.message(rendered.mail, "desk@example.org", "a" * 26, "<digest.x@news.example>")
        message = email.message_from_bytes(raw, policy=policy.default)
        text, html = (part.get_content() for part in message.iter_parts())
        for suffix, content in ((".mail.html", html), (".txt", text), (".page.html", rendered.page)):
            (out / f"{name}{suffix}").write_text(content, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
