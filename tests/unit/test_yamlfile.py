"""The YAML reader: text in, plain data and lines out; and the editing of lists."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aggregator import settings
from aggregator.errors import ConfigError, UsageError
from aggregator.settings import yamlfile

FEEDS = """\
# Our feeds.
defaults: {interval: 1h}   # often enough

feeds:
  # -- Belarus
  - url: https://eng.belta.by/rss      # looked up
    id: belta-en
    tags: [agency,   state]

  # -- Russia
  - url: https://tass.ru/rss/v2.xml
    title: "ТАСС"
    id: tass

# the end
"""


def data(text: str) -> dict[str, Any]:
    return yamlfile.read(Path("f.yaml"), text.encode()).data


def refused(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        yamlfile.read(Path("f.yaml"), text.encode() if isinstance(text, str) else text)
    (problem,) = caught.value.problems
    return problem


def test_scalars_keep_their_spelling() -> None:
    text = "a: 12:30\nb: no\nc: 0x10\nd: 1e3\ne: 2023-02-02\nf: on\ng: 'null'\nh: 010"
    wanted = {"a": "12:30", "b": "no", "c": "0x10", "d": "1e3", "e": "2023-02-02", "f": "on", "g": "null", "h": "010"}
    assert data(text) == wanted


def test_a_key_without_a_value_is_left_out() -> None:
    assert data("a:\nb: ~\nc: null\nd: {e: }\nf: [1, ~]\ng: ''") == {"d": {}, "f": ["1", None], "g": ""}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "---\n...\n", "{}", "\ufeff"])
def test_nothing_is_an_empty_file(text: str) -> None:
    assert data(text) == {}


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert yamlfile.read(tmp_path / "none.yaml").data == {}


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        yamlfile.read(tmp_path)


def test_anchors_are_followed() -> None:
    assert data("a: &x [1, 2]\nb: *x\nc: {d: *x}") == {"a": ["1", "2"], "b": ["1", "2"], "c": {"d": ["1", "2"]}}


def test_a_byte_order_mark_moves_no_line() -> None:
    assert yamlfile.read(Path("f"), "\ufeffa: 1\nb: 2".encode()).line(("b",)) == 2


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\n\tb: 2\n", 2, "a tab where YAML wants spaces"),
        ("a: [1, 2\nb: 3", 2, "that starts in line 1"),
        ("a: 1\nb: 'x\n", 2, "broken YAML"),
        ("a: b: c", 1, "mapping values are not allowed"),
        ("a: *x", 1, "`*x` stands before the end of its `&x`"),
        ("a: &x [*x]", 1, "`*x` stands before the end of its `&x`"),
        ("x: 1\na: !thing b", 2, "YAML tags such as `!thing`"),
        ("a: !!python/object:os.system {}", 1, "YAML tags"),
        ("a: !!binary aGk=", 1, "YAML tags"),
        ("a: 1\n---\nb: 2", 2, "a second YAML document"),
        ("- a\n- b", 1, "expected `key: value` lines, found a list"),
        ("just words", 1, "found plain text"),
        ("[a]: b", 1, "a key must be a plain word"),
        ("a: 1\nb: \x07", 2, "U+0007"),
        ("ж: 1\nb: \x07", 2, "U+0007"),
        ("%YAML 9.9\n---\na: 1", 1, "incompatible YAML"),
        ("a: " + "[" * 60 + "]" * 60, 1, "nested deeper than 32"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, line: int, words: str) -> None:
    problem = refused(text)
    assert problem.startswith(f"f.yaml:{line}: ")
    assert words in problem
    assert "\n" not in problem


def test_other_encodings_are_refused_at_their_line() -> None:
    assert refused("a: 1\nb: ОДКБ".encode("cp1251")).startswith("f.yaml:2: not UTF-8")


def test_a_huge_file_is_refused() -> None:
    assert "larger than 10 MB" in refused(b"#" * 10_000_001)


def test_an_alias_bomb_is_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "aliases included" in refused("\n".join(rows))


@pytest.mark.parametrize("unit", ["[", "- ", "{a: ", "? "])
def test_deep_nesting_does_not_end_the_process(unit: str) -> None:
    code = f"from pathlib import Path; from aggregator.settings import yamlfile; yamlfile.read(Path('f'), {unit!r}.encode() * 200_000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ConfigError: f:1: " in done.stderr


def test_duplicate_keys_name_both_lines_and_the_first_counts() -> None:
    file = yamlfile.read(Path("f"), b"a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}")
    assert [(one.line, one.text) for one in file.problems] == [
        (3, "duplicate key `a`; it stands in line 1 already"),
        (4, "duplicate key `d`; it stands in line 4 already"),
    ]
    assert file.data["a"] == "1"


def test_lines_point_at_keys_items_and_the_nearest_thing() -> None:
    file = yamlfile.read(Path("f"), FEEDS.encode())
    locs: list[yamlfile.Loc] = [("defaults", "interval"), ("feeds", 0), ("feeds", 0, "id")]
    locs += [("feeds", 1, "title"), ("feeds", 1, "none"), ("x",)]
    assert file.lines(locs) == [2, 6, 7, 12, 11, 2]


def test_words_of_the_file_stay_short_in_messages() -> None:
    word = "x\\u2028\\n" + "y" * 900
    file = yamlfile.read(Path("f"), f'"{word}": 1\n"{word}": 2'.encode())
    assert len(file.problems[0].text) < 120
    assert file.problems[0].text.isprintable()


@pytest.mark.parametrize(
    "text", [FEEDS, "a: 12:30\nb: ~\nc: &x [1, no]\nd: *x\n", "a: 1\n\tb: 2", "a: \x07", 'a: "\\U99999999"']
)
def test_the_pure_reader_says_the_same(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def told() -> object:
        try:
            return yamlfile.read(Path("f.yaml"), text.encode()).data
        except ConfigError as error:
            return str(error).partition(": ")[0]

    fast = told()
    monkeypatch.setattr(yamlfile, "Loader", yaml.SafeLoader)
    assert told() == fast


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@,?~ \n\t\r\\\x00\x85\ufeffж\U0001f600")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        file = yamlfile.read(Path("f.yaml"), text.encode())
        file.lines([("a", 0, "b")])
    except ConfigError as error:
        assert str(error).startswith("f.yaml")  # noqa: PT017 - both ends are fine


# -- editing -------------------------------------------------------------------------------------------------------


def home_with(tmp_path: Path, feeds: str = FEEDS) -> Path:
    (tmp_path / "feeds.yaml").write_bytes(feeds.encode())
    return tmp_path


def test_adding_a_feed_leaves_every_other_byte(tmp_path: Path) -> None:
    home = home_with(tmp_path)
    added = settings.add_feed(home, url="https://www.rferl.org/api/?a=1", title="RFE: [en]", tags=("free", "no"))
    new = "  - url: https://www.rferl.org/api/?a=1\n    title: 'RFE: [en]'\n    tags: [free, 'no']\n    id: rferl-org\n"
    assert (home / "feeds.yaml").read_text() == FEEDS.replace("    id: tass\n", "    id: tass\n" + new)
    assert (added.id, added.title, added.tags) == ("rferl-org", "RFE: [en]", ("free", "no"))


def test_removing_a_feed_keeps_the_comments_around_it(tmp_path: Path) -> None:
    home = home_with(tmp_path)
    settings.remove_feed(home, "belta-en")
    gone = "  - url: https://eng.belta.by/rss      # looked up\n    id: belta-en\n    tags: [agency,   state]\n"
    assert (home / "feeds.yaml").read_text() == FEEDS.replace(gone, "")


def test_what_was_added_and_removed_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    home = home_with(tmp_path)
    settings.add_feeds(home, [{"url": f"https://e{n}.example/"} for n in range(5)])
    for n in (4, 0, 2, 1, 3):
        settings.remove_feed(home, f"e{n}-example")
    assert (home / "feeds.yaml").read_text() == FEEDS


def test_the_last_feed_can_go_and_another_come(tmp_path: Path) -> None:
    home = home_with(tmp_path, "feeds:\n- url: https://a.example/\n# end")
    settings.remove_feed(home, "a-example")
    assert settings.load(home, {}).feeds == ()
    settings.add_feed(home, url="https://b.example/")
    assert (home / "feeds.yaml").read_text() == "feeds:\n  - url: https://b.example/\n    id: b-example\n# end"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("# none yet\n", "# none yet\nfeeds:\n  - url: https://b.example/\n    id: b-example\n"),
        (
            "defaults: {interval: 2h}",
            "defaults: {interval: 2h}\nfeeds:\n  - url: https://b.example/\n    id: b-example\n",
        ),
        (
            "feeds:\n- url: https://a.example/",
            "feeds:\n- url: https://a.example/\n- url: https://b.example/\n  id: b-example\n",
        ),
        (
            "feeds:\r\n- url: https://a.example/\r\n",
            "feeds:\r\n- url: https://a.example/\r\n- url: https://b.example/\r\n  id: b-example\r\n",
        ),
        ("\ufefffeeds:\n", "\ufefffeeds:\n  - url: https://b.example/\n    id: b-example\n"),
        (
            "feeds:\n  - {url: 'https://a.example/'}\n",
            "feeds:\n  - {url: 'https://a.example/'}\n  - {url: 'https://b.example/', id: b-example}\n",
        ),
        ("feeds: []  # none yet\n", "feeds: [{url: https://b.example/, id: b-example}] # none yet\n"),
    ],
)
def test_files_of_every_shape_take_a_feed(tmp_path: Path, text: str, wanted: str) -> None:
    home = home_with(tmp_path, text)
    settings.add_feed(home, url="https://b.example/")
    result = (home / "feeds.yaml").read_bytes().decode()
    if "[]" in text:
        assert settings.load(home, {}).feeds[-1].url == "https://b.example/"
        assert "# none yet" in result
    else:
        assert result == wanted


def test_a_missing_file_is_made_with_a_header(tmp_path: Path) -> None:
    settings.add_watchlist(tmp_path, "csto", "CSTO", '=CSTO OR "Collective Security"')
    settings.add_digest(tmp_path, id="now", watchlists=["csto"], every="instant", to=["desk@example.org"])
    assert (tmp_path / "config/watchlists.yaml").read_text().startswith("# What is watched for")
    loaded = settings.load(tmp_path, {})
    assert loaded.watchlists[0].query == '=CSTO OR "Collective Security"'
    assert loaded.digests[0].to == ("desk@example.org",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "{id: d, at: 07:30, watchlists: [a], empty: skip}  # us",
            "{id: d, at: 07:30, watchlists: [a, b], empty: skip}  # us",
        ),
        (
            "id: d\n  watchlists:  # all\n    - a\n  at: 07:30 # early",
            "id: d\n  watchlists:  # all\n    - a\n    - b\n  at: 07:30 # early",
        ),
        ("id: d\n  watchlists: [\n    a,\n  ]\n  at: 07:30", ""),
    ],
)
def test_a_digest_takes_one_more_watchlist(tmp_path: Path, text: str, wanted: str) -> None:
    for name in "ab":
        settings.add_watchlist(tmp_path, name, "", f"word{name}")
    path = tmp_path / "config/digests.yaml"
    path.write_text(f"digests:\n- {text}\n")
    for _ in range(2):
        assert settings.add_to_digest(tmp_path, "d", "b").watchlists == ("a", "b")
    assert not wanted or path.read_text() == f"digests:\n- {wanted}\n"
    with pytest.raises(ConfigError, match="there is no watchlist 'c'"):
        settings.add_to_digest(tmp_path, "d", "c")
    with pytest.raises(UsageError, match="there is no digest 'e'"):
        settings.add_to_digest(tmp_path, "e", "a")


@pytest.mark.parametrize(
    "tag", [":0", "?x", "-", "- a", "a: b", "a #b", "{", "a, b", "[x]", "'", '"', "&a", "*a", "!x", "%x", "@x"]
)
@pytest.mark.parametrize(
    "text", ['{"feeds": []}', "feeds: [{url: https://z.example/}]\n", "", "feeds:\n- url: https://z.example/\n"]
)
def test_any_tag_can_be_written_into_any_style(tmp_path: Path, text: str, tag: str) -> None:
    (tmp_path / "feeds.yaml").write_text(text)
    assert settings.add_feed(tmp_path, url="https://c.example/", tags=[tag, "б"], title=tag).tags == (tag, "б")
    assert settings.load(tmp_path, {}).feeds[-1].title == tag


def test_a_feed_with_headers_is_edited_around_and_removed_whole(tmp_path: Path) -> None:
    text = (
        "feeds:\n- url: https://a.example/  # a\n  id: a\n  headers:\n    X-Key: one  # ours\n    X-More: two\n"
        "- url: https://b.example/  # b\n  id: b\n  username: desk\n  password: p\n  headers: {X-Key: x}  # last\n"
    )
    (tmp_path / "feeds.yaml").write_text(text)
    settings.add_feed(tmp_path, url="https://c.example/")
    added = "- url: https://c.example/\n  id: c-example\n"
    assert (tmp_path / "feeds.yaml").read_text() == text + added
    settings.remove_feed(tmp_path, "a")
    assert (tmp_path / "feeds.yaml").read_text() == "feeds:\n" + text[text.index("- url: https://b") :] + added
    assert list(settings.load(tmp_path, {}).access) == ["b"]


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://a.example/"},
        {"url": "https://eng.belta.by/rss"},
        {"url": "https://a.example/", "id": "tass"},
        {"url": "https://a.example/", "colour": "red"},
        {"url": "https://a.example/", "title": "a\nb"},
        {"title": "no url"},
    ],
)
def test_a_bad_edit_leaves_the_old_file(tmp_path: Path, fields: dict[str, Any]) -> None:
    home = home_with(tmp_path)
    with pytest.raises(UsageError):
        settings.add_feed(home, **fields)
    assert (home / "feeds.yaml").read_text() == FEEDS
    assert [path.name for path in home.iterdir()] == ["feeds.yaml"]


def test_a_bad_query_is_not_added(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="character"):
        settings.add_watchlist(tmp_path, "x", "X", "(CSTO")
    assert not (tmp_path / "config").exists()


def test_an_unknown_feed_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean `tass`"):
        settings.remove_feed(home_with(tmp_path), "tas")


def test_mode_and_link_of_a_file_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.yaml"
    real.write_text(FEEDS)
    real.chmod(0o640)
    (tmp_path / "feeds.yaml").symlink_to(real)
    settings.add_feed(tmp_path, url="https://b.example/")
    assert (tmp_path / "feeds.yaml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "b.example" in real.read_text()


def test_the_environment_plays_no_part_in_editing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGGREGATOR__NO__SUCH", "1")
    settings.add_feed(home_with(tmp_path), url="https://b.example/")


titles = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs", "Cn"]), min_size=1, max_size=30
)


@given(st.lists(titles, min_size=1, max_size=3), st.sampled_from(["", FEEDS, "feeds: [{url: 'https://z.example'}]"]))
def test_any_title_survives_editing(tmp_path_factory: pytest.TempPathFactory, names: list[str], text: str) -> None:
    home = home_with(tmp_path_factory.mktemp("home"), text)
    added = settings.add_feeds(home, [{"url": f"https://t{n}.example/", "title": name} for n, name in enumerate(names)])
    assert [feed.title for feed in added] == names


def test_the_shipped_feeds_take_an_edit_and_lose_it_again(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "feeds.yaml").read_text()
    home = home_with(tmp_path, shipped)
    settings.add_feed(home, url="https://b.example/", title="Б")
    assert (home / "feeds.yaml").read_text() != shipped
    settings.remove_feed(home, "b-example")
    assert (home / "feeds.yaml").read_text() == shipped
