from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import GiveUp
from aggregator.publication import LateStory, UpdatedStory
from aggregator.render import Renderer, RenderOptions
from tests.unit.test_render import ID, NOW, RENDERER, edition, story

ARCHIVE = "https://news.example/editions/morning/2023-02-02T16:00"


def told(renderer: Renderer = RENDERER, **more: Any) -> dict[str, Any]:
    made = edition(story(), story(2, "ОДКБ: переговоры", language="ru"), **more)
    found: dict[str, Any] = json.loads(renderer.payload(renderer.render(made).data, ID))
    return found


def test_a_payload_has_type_time_id_and_data() -> None:
    found = told()
    assert list(found) == ["type", "timestamp", "id", "data"]
    assert (found["type"], found["id"]) == ("digest", "digest.abcdefgh@news.example")
    assert datetime.fromisoformat(found["timestamp"]) == NOW
    data = found["data"]
    assert (data["title"], data["archive"], data["more"]) == ("Morning briefing", ARCHIVE, 0)
    assert data["subject"].startswith("Morning briefing, Thu 2 Feb: 2 stories")
    first = data["stories"][0]
    assert (first["headline"], first["link"]) == ("CSTO meets in Minsk", "https://belta.example/1")
    assert [o["feed_title"] for o in first["outlets"]] == ["BelTA", "Wire", "Sentinel"]
    assert first["outlets"][0]["first_seen_at"] == first["outlets"][0]["published_at"] == NOW.isoformat()
    assert first["why"]
    assert data["stories"][1]["headline"] == "ОДКБ: переговоры"


def test_a_payload_is_thin_and_the_same_each_time() -> None:
    data = RENDERER.render(edition(story())).data
    assert RENDERER.payload(data, ID) == RENDERER.payload(data, ID)
    assert b"on Thursday" not in RENDERER.payload(data, ID), "texts of entries stay where they are"
    assert "ОДКБ".encode() in RENDERER.payload(RENDERER.render(edition(story(1, "ОДКБ"))).data, ID)


def test_what_was_changed_and_what_came_late_is_told_apart() -> None:
    late = LateStory("Late news", "javascript:alert(1)", "en", "BelTA", NOW, NOW)
    data = told(updated=(UpdatedStory(story(7, "CSTO met"), "CSTO meets"),), late=(late,))["data"]
    assert [(u["headline"], u["before"]) for u in data["updated"]] == [("CSTO met", "CSTO meets")]
    assert [(one["headline"], one["link"]) for one in data["late"]] == [("Late news", "")]


def test_only_web_addresses_are_links_and_no_archive_is_named_without_a_public_url() -> None:
    plain = Renderer(RenderOptions("watch@news.example"))
    data = plain.render(edition(story(link="javascript:alert(1)"))).data
    found = json.loads(plain.payload(data, ID))["data"]
    assert (found["stories"][0]["link"], found["archive"]) == ("", "")
    assert b"javascript" not in plain.note(data)
    assert b"editions" not in plain.note(data)


def test_a_note_has_the_subject_five_headlines_and_says_how_many_more() -> None:
    made = edition(*(story(n, f"CSTO news {n}") for n in range(1, 8)), more=3)
    lines = RENDERER.note(RENDERER.render(made).data).decode().splitlines()
    assert lines[0].startswith("Morning briefing, Thu 2 Feb: 10 stories - CSTO news 1")
    assert [line for line in lines[1:] if line.startswith("CSTO")] == [f"CSTO news {n}" for n in range(1, 6)]
    assert "https://belta.example/5" in lines
    assert "5 more" in lines
    assert lines[-1] == ARCHIVE


@given(st.lists(st.text(max_size=4_000), max_size=8))
def test_a_note_is_short_whole_lines_of_text_whatever_the_headlines_are(titles: list[str]) -> None:
    made = edition(*(story(n, t, link=f"https://belta.example/{'x' * 1_500}/{n}") for n, t in enumerate(titles)))
    note = RENDERER.note(RENDERER.render(made).data)
    assert len(note) <= 4_000
    links = [line for line in note.decode().splitlines() if line.startswith("https://belta.example/")]
    assert all(len(line) > 1_500 for line in links), "a link is whole or not there"
    assert not {c for c in note.decode() if ord(c) < 32} - {"\n"}


@pytest.mark.parametrize("data", ["", "[]", "{"])
def test_a_letter_cannot_go_to_a_channel(data: str) -> None:
    with pytest.raises(GiveUp, match="no data"):
        RENDERER.payload(data, ID)
    with pytest.raises(GiveUp, match="no data"):
        RENDERER.note(data)


def test_the_moment_of_an_edition_is_utc() -> None:
    assert datetime.fromisoformat(told()["timestamp"]).tzinfo == UTC
