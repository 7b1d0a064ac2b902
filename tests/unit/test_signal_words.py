"""How an edition tells that a watchlist is out of its rhythm: mail, page, data, webhook, chat."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.publication import Window
from aggregator.reading import EditionSignal
from tests.unit.test_render import ID, NOW, RENDERER, edition, read, story

HOUR = timedelta(hours=1)
BURST = EditionSignal(1, "burst", "csto", "CSTO", NOW - 3 * HOUR, NOW, 42, 5.2, "")
SILENCE = EditionSignal(2, "silence", "csto", "CSTO", NOW - 50 * HOUR, NOW, 0, 12.4, "3 of its 8 feeds failing")
ALERT: dict[str, Any] = {"kind": "alert", "window": Window(NOW, NOW)}


@pytest.mark.parametrize(
    ("signal", "says"),
    [
        (BURST, "CSTO: 42 entries since 13:00, usually 5"),
        (replace(BURST, expected=0.4), "CSTO: 42 entries since 13:00, usually none"),
        (replace(BURST, found_at=NOW - 2 * HOUR), "CSTO: 42 entries between 13:00 and 14:00, usually 5"),
        (
            replace(BURST, began_at=NOW - 30 * HOUR, found_at=NOW - 15 * HOUR),
            "CSTO: 42 entries between Wed 1 Feb, 10:00 and Thu 2 Feb, 01:00, usually 5",
        ),
        (SILENCE, "CSTO: 12 a day usually, 0 since Tue 31 Jan, 14:00; 3 of its 8 feeds failing"),
        (replace(SILENCE, expected=0.5, detail=""), "CSTO: 4 a week usually, 0 since Tue 31 Jan, 14:00"),
    ],
)
def test_a_signal_is_a_line_in_mail_data_webhook_and_chat(signal: EditionSignal, says: str) -> None:
    rendered = RENDERER.render(edition(signals=(signal,), **ALERT))
    message, text, html = read(rendered)
    assert message["Subject"] == rendered.subject == says
    assert f"! {says}" in " ".join(text.split())
    assert f"<bdi>CSTO</bdi></strong>: {says.removeprefix('CSTO: ')}" in html
    assert f"</strong>: {says.removeprefix('CSTO: ')}" in rendered.page
    [told] = json.loads(RENDERER.payload(rendered.data, ID))["data"]["signals"]
    assert (told["text"], told["kind"], told["watchlist_id"]) == (says, signal.kind, "csto")
    assert says in RENDERER.note(rendered.data).decode()
    assert RENDERER.note(rendered.data).decode().count(says) == 1


def test_a_digest_with_news_keeps_its_subject_and_one_without_has_the_signals() -> None:
    with_news = RENDERER.render(edition(story(), signals=(BURST,)))
    assert with_news.subject.startswith("Morning briefing, Thu 2 Feb: 1 story - CSTO meets")
    assert "CSTO: 42 entries since 13:00" in RENDERER.note(with_news.data).decode()
    without = RENDERER.render(edition(signals=(BURST,)))
    assert without.subject == "Morning briefing, Thu 2 Feb: CSTO: 42 entries since 13:00, usually 5"
    assert "Out of rhythm: 1 watchlist; 9 of 10 feeds checked" in without.text


def test_a_name_of_a_watchlist_is_text() -> None:
    _, text, html = read(
        RENDERER.render(edition(signals=(replace(BURST, watchlist_title="<b>x\n\u202ey</b>"),), **ALERT))
    )
    assert "&lt;b&gt;x" in html
    assert "<b>x" not in html
    assert "\u202e" not in html + text


def test_a_subject_says_how_many_more_are_out_of_rhythm() -> None:
    """A hundred watchlists may burst at once, and be told in one alert."""
    many = tuple(replace(BURST, signal_id=n) for n in range(100))
    assert (
        RENDERER.render(edition(signals=many, **ALERT)).subject
        == "CSTO: 42 entries since 13:00, usually 5; and 99 more"
    )
    without = RENDERER.render(edition(signals=many[:2]))
    assert without.subject == "Morning briefing, Thu 2 Feb: CSTO: 42 entries since 13:00, usually 5; and 1 more"
    named = tuple(replace(one, watchlist_title="X" * 200) for one in many)
    assert RENDERER.render(edition(signals=named, **ALERT)).subject.endswith("usually 5; and 99 more")


def test_many_signals_are_counted_not_shown() -> None:
    _, text, _ = read(RENDERER.render(edition(signals=tuple(replace(BURST, signal_id=n) for n in range(25)))))
    assert text.count("42 entries since") == 20
    assert "and 5 more" in text
