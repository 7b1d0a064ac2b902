"""Values as people read them: columns, counts, moments, and nothing that a terminal would obey."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from aggregator.cli import output
from aggregator.cli.context import moment
from aggregator.cli.watch import slug
from aggregator.errors import UsageError
from aggregator.model import Span

NOW = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-02-01", datetime(2023, 2, 1, tzinfo=UTC)),
        ("2023-02-01T12:00+03:00", datetime(2023, 2, 1, 9, tzinfo=UTC)),
        ("7d", NOW - timedelta(days=7)),
        ("36h", NOW - timedelta(hours=36)),
    ],
)
def test_a_moment_is_a_date_or_an_age(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "7", "-7d", "99999999w", "0001-01-01T00:00+14:00", "2023-02-30"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter):
        moment(text, NOW)


def test_columns_line_up_in_every_script(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([["a", "b"], ["новости", "x"], ["集体安全", "y"], ["e\u0301", "z"]], limits=[8, 1])
    lines = capsys.readouterr().out.splitlines()
    assert [output.width(line) for line in lines] == [11, 11, 11, 11]
    assert lines[1] == "новости   x"


def test_what_is_too_long_is_cut_to_its_columns() -> None:
    assert output.fit("Belarus", 7) == "Belarus"
    assert output.fit("Belarus", 6) == "Belar…"
    assert output.width(output.fit("集体安全条约组织", 7)) <= 7


def test_a_title_cannot_speak_to_the_terminal() -> None:
    assert output.fit("a\x1b[2J\nb\u202ec\x07", 80) == "a [2J b c "


def test_a_match_is_marked_where_it_stands() -> None:
    spans = [Span("title", 4, 8, "=CSTO"), Span("title", 5, 8, "x"), Span("body", 0, 3, "x")]
    shown = output.highlighted("The CSTO meets", spans, "title")
    assert click.unstyle(shown) == "The CSTO meets"
    assert shown == "The " + click.style("CSTO", bold=True, fg="yellow") + " meets"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (1200, "1,200 entries")]
)
def test_numbers_agree_with_their_nouns(count: int, text: str) -> None:
    assert output.many(count, "entry", "entries") == text
    assert output.many(2, "feed") == "2 feeds"


def test_times_are_utc_and_say_so() -> None:
    assert output.when(NOW) == "2023-02-02T12:00:00Z"
    assert output.when(None) is None
    assert output.short(NOW) == "2023-02-02 12:00"
    assert output.short(None) == "-"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert output.cell(text) == "'" + text
    assert output.cell([text, "b"]) == f"'{text}; b"


def test_other_cells_stay_as_they_are() -> None:
    assert [output.cell(v) for v in ("a=1", "", 7, None, "2 - 1")] == ["a=1", "", 7, None, "2 - 1"]


def test_an_id_is_made_from_a_name() -> None:
    assert slug("Energy & Grid") == "energy-grid"
    assert slug("CSTO") == "csto"
    assert len(slug("x" * 100)) == 64
    with pytest.raises(UsageError, match="--id"):
        slug("ОДКБ")
