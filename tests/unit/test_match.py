"""The evaluator: what matches, what does not, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Span
from aggregator.query import Need, NeedAll, NeedAny, NeedEverything, NeedPhrase, NeedPrefix, NeedToken, parse, proposal
from aggregator.tokens import Document, document
from aggregator.watch import match

QUICK = settings(derandomize=True, deadline=None, max_examples=300)

ALIASES = {"csto": ["=CSTO", "=ОДКБ", '"collective security treaty organi*"']}

ENTRY = document(
    title="CSTO summit in Minsk",
    body="Лидеры ОДКБ собрались в Минске. The U.S. said: let us go. CSTO's post-Soviet members met.",
    article="The Collective Security Treaty Organisation met in Minsk; 集体安全条约组织.",
    source="BelTA belta-en",
    language="ru-RU",
    url="https://Belta.by/President",
    author="Ivan Petrov",
    categories=("World news", "Politics"),
)


def spans(text: str, entry: Document = ENTRY) -> tuple[Span, ...] | None:
    return match.evaluate(parse(text, ALIASES), entry)


def words(text: str, entry: Document = ENTRY) -> list[str]:
    return [entry.text(span.field)[span.start : span.end] for span in spans(text, entry) or ()]


@pytest.mark.parametrize(
    "text",
    [
        "csto",
        "=ОДКБ",
        "post-soviet",
        "минск~",
        "лиде*",
        "=Лиде*",
        "=Лидер~",
        "U.S.",
        "us",
        "集体安全",
        "安全条约",
        '"summit in mins*"',
        '="Collective Security"',
        '"лидер одкб"~',
        "@csto",
        "summit NEAR/2 csto",
        "csto NEAR/2 minsk",
        "csto ONEAR/2 minsk",
        "csto NEAR/0 summit",
        "csto NEAR summit NEAR minsk",
        '"security treaty" NEAR/1 (nato OR met)',
        "@csto NEAR/1 met",
        "title:csto",
        "title:(csto NEAR/5 minsk)",
        "body:organisation",
        "lang:ru",
        "url:BELTA.by/pres",
        "source:belta-en",
        "author:petrov",
        'category:"world news"',
        "category:(world politics)",
        "summit NOT nato",
        "summit -title:nato",
        "summit OR nato",
        "summit (nato OR NOT brussels)",
    ],
)
def test_a_query_that_holds_matches(text: str) -> None:
    assert spans(text)


@pytest.mark.parametrize(
    "text",
    [
        "cst",
        "=csto nato",
        "=одкб",
        "=лиде*",
        "=лидер~",
        "=us =US =uS",
        '"summit minsk"',
        '"minsk лидеры"',
        '"in minsk лидеры"',
        '="collective security"',
        "csto NEAR/1 minsk",
        "minsk ONEAR/9 csto",
        "summit NEAR/50 лидеры",
        "summit NEAR/3 summit",
        "title:одкб",
        "body:summit",
        "lang:be",
        "url:tass",
        "source:summit",
        "summit author:csto",
        'category:"news politics"',
        "petrov",
        "belta",
        "summit NOT csto",
        "summit -(nato OR csto)",
        "nato OR brussels",
    ],
)
def test_a_query_that_does_not_hold_does_not_match(text: str) -> None:
    assert spans(text) is None


def test_an_exact_acronym_never_finds_the_common_word() -> None:
    assert words("=US") == ["U.S."]
    assert words("us") == ["U.S.", "us"]


def test_spans_name_the_words_as_they_stand_in_order_of_the_fields() -> None:
    assert words("@csto OR минск~") == ["CSTO", "ОДКБ", "Минске", "CSTO", "Collective Security Treaty Organisation"]
    assert [span.field for span in spans("@csto") or ()] == ["title", "body", "body", "article"]


def test_a_span_knows_its_term_and_its_alias() -> None:
    found = spans("@csto AND summit")
    assert found is not None
    assert found[0] == Span("title", 0, 4, "=CSTO", "csto")
    assert found[1] == Span("title", 5, 11, "summit")
    assert found[-1].term == '"collective security treaty organi*"'


def test_spans_of_fields_count_in_their_own_text() -> None:
    assert words("category:politics category:news lang:ru url:president") == ["ru-RU", "President", "news", "Politics"]


def test_only_places_near_each_other_are_named() -> None:
    entry = document(title="", body="minsk a b c d e f g minsk csto")
    assert [span.start for span in spans("csto NEAR/1 minsk", entry) or ()] == [20, 26]


def test_two_operands_of_near_need_two_places() -> None:
    assert spans("csto NEAR csto", document(title="csto", body="csto x csto"))
    assert spans("csto NEAR csto", document(title="csto", body="csto")) is None
    assert spans("csto NEAR (csto OR cst*)", document(title="csto", body="")) is None
    assert spans("a NEAR b NEAR a", document(title="a b", body="")) is None
    assert spans("a NEAR b NEAR a", document(title="a b a", body=""))


def test_near_counts_from_the_nearest_words_of_a_phrase() -> None:
    entry = document(title="collective security treaty of csto", body="")
    assert spans('"collective security treaty" NEAR/1 csto', entry)
    assert spans('csto NEAR/1 "collective security treaty"', entry)
    assert spans('csto ONEAR/1 "collective security treaty"', entry) is None


def test_spans_are_bounded() -> None:
    assert len(spans("a", document(title="", body="a " * 500)) or ()) == match.MAX_SPANS


def test_a_text_made_to_be_slow_is_answered() -> None:
    assert spans("a NEAR/1000 a NEAR/1000 a NEAR/1000 b", document(title="", body="a " * 2000 + "b"))


@pytest.mark.parametrize(
    ("language", "word", "form"),
    [
        ("ru", "учение", "учениями"),
        ("be", "Беларусь", "Беларуссю"),
        ("be", "бяспека", "бяспецы"),
        ("be", "арганізацыя", "арганізацый"),
        ("uk", "безпека", "безпеці"),
        ("uk", "президент", "президентові"),
        ("en", "attack", "attacking"),
        ("ru", "attack", "attacks"),
        ("pl", "organizacja", "organizacji"),
        ("", "санкция", "санкциями"),
        ("", "fly", "flies"),
        ("be", "санкцыя", "санкцый"),
    ],
)
def test_forms_of_a_word_are_found_in_the_language_of_the_entry(language: str, word: str, form: str) -> None:
    assert words(f"{word}~", document(title="", body=f"x {form} y", language=language)) == [form]


def test_an_exact_stem_keeps_its_capital() -> None:
    entry = document(title="", body="закрыли путина из-за Путина", language="ru")
    assert [span.start for span in spans("=Путин~", entry) or ()] == [21]


@pytest.mark.parametrize(
    ("language", "word", "form"),
    [("be", "Беларускага", "Беларускі"), ("be", "Дзяржаўнага", "Дзяржаўны"), ("uk", "Українського", "Український")],
)
def test_exact_forms_of_adjectives_are_found_from_any_form(language: str, word: str, form: str) -> None:
    assert words(f"={word}~", document(title="", body=f"x {form} y", language=language)) == [form]
    assert spans(f"={word}~", document(title="", body=f"x {form.lower()} y", language=language)) is None


def test_a_url_is_compared_without_case() -> None:
    assert spans("url:STRASSE", document(title="", body="", url="https://x.de/Straße")) == (
        Span("url", 0, 19, "strasse"),
    )


# -- the index's necessary condition -------------------------------------------------------------------------------

WORDS = [
    "CSTO",
    "csto",
    "ОДКБ",
    "Минск",
    "минске",
    "summit",
    "summits",
    "in",
    "Minsk",
    "U.S.",
    "us",
    "post-Soviet",
    "C++",
    "集体安全",
    "CSTO's",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
ENTRIES = st.builds(
    lambda title, body, article, source, language, categories: document(
        title=title,
        body=body,
        article=article,
        source=source,
        language=language,
        url="https://belta.by",
        categories=categories,
    ),
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    st.sampled_from(["", "ru", "en-GB", "be"]),
    st.lists(TEXTS, max_size=2),
)
ATOMS = [
    "csto",
    "=CSTO",
    "одкб",
    "минск~",
    "summit~",
    "mi*",
    "min*",
    '"csto summit"',
    '"in mins*"',
    "U.S.",
    "=us",
    "@csto",
    "title:csto",
    "集体",
]
ATOMS += [
    "body:(minsk OR us)",
    "lang:ru",
    "url:belta",
    "source:csto",
    "category:(us in)",
    "csto NEAR/1 minsk",
    "us ONEAR/2 (in OR su*)",
    "post-soviet",
]
FORMS = [
    "({} OR {})",
    "({} {})",
    "({} AND {})",
    "({} NOT {})",
    "({} -({}))",
    "title:({} {})",
    "({} (summit OR NOT {}))",
]
QUERIES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.builds(lambda form, one, two: form.format(one, two), st.sampled_from(FORMS), inner, inner),
    max_leaves=5,
)


def stands(phrase: Sequence[str], tokens: Sequence[str]) -> bool:
    return any(tuple(tokens[at : at + len(phrase)]) == tuple(phrase) for at in range(len(tokens)))


def satisfied(need: Need, texts: Sequence[Sequence[str]]) -> bool:
    """What any full-text index over title, body and article answers."""
    if isinstance(need, NeedEverything):
        return True
    if isinstance(need, NeedAll):
        return all(satisfied(part, texts) for part in need.needs)
    if isinstance(need, NeedAny):
        return any(satisfied(part, texts) for part in need.needs)
    if isinstance(need, NeedPhrase):
        *words, last = need.folded
        return any(
            stands((*words, token), text)
            for text in texts
            for token in text
            if token == last or (need.beginning and token.startswith(last))
        )
    if isinstance(need, NeedPrefix):
        return any(token.startswith(need.folded) for text in texts for token in text)
    assert isinstance(need, NeedToken)
    return any(need.folded in text for text in texts)


@QUICK
@given(QUERIES, ENTRIES)
def test_what_matches_satisfies_what_the_index_is_asked_for(text: str, entry: Document) -> None:
    query = parse(text, ALIASES)
    if match.evaluate(query, entry) is not None:
        assert satisfied(proposal(query), [entry.title.folded, entry.body.folded, entry.article.folded])


@QUICK
@given(QUERIES, ENTRIES)
def test_spans_are_sorted_distinct_and_inside_their_field(text: str, entry: Document) -> None:
    found = match.evaluate(parse(text, ALIASES), entry) or ()
    order: Mapping[str, int] = {
        name: at for at, name in enumerate(("title", "body", "article", "source", "lang", "url", "author", "category"))
    }
    assert len(set(found)) == len(found)
    assert list(found) == sorted(
        found, key=lambda span: (order[span.field], span.start, span.end, span.term, span.alias)
    )
    assert all(0 <= span.start < span.end <= len(entry.text(span.field)) for span in found)


@QUICK
@given(QUERIES, QUERIES, ENTRIES)
def test_and_or_and_not_mean_what_they_say(one: str, two: str, entry: Document) -> None:
    first, second = (spans(text, entry) is not None for text in (one, two))
    assert (spans(f"({one}) ({two})", entry) is not None) == (first and second)
    assert (spans(f"({one}) OR ({two})", entry) is not None) == (first or second)
    assert (spans(f"({one}) NOT ({two})", entry) is not None) == (first and not second)
