"""The query language: precedence, canonical form, limits, and an exact place for every fault."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import QueryError
from aggregator.query import (
    AliasError,
    NeedAll,
    NeedAny,
    NeedEverything,
    NeedPhrase,
    NeedPrefix,
    NeedToken,
    Query,
    canon,
    check_aliases,
    leaves,
    parse,
    proposal,
)

QUICK = settings(derandomize=True, deadline=None, max_examples=200)

ALIASES = {
    "csto": ["=CSTO", "=ОДКБ", '"Collective Security Treaty Organi*"'],
    "all": ["@csto", "=НАТО"],
    "sites": ["belta.by", "tass.ru"],
    "broken": ["fine", "(open"],
    "round": ["@about"],
    "about": ["@round"],
    "negative": ["NOT x"],
    "both": ["a b"],
    "empty": [],
}


def fault(text: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        parse(text, ALIASES)
    assert caught.value.query == text
    return caught.value


def parsed(text: str) -> Query | QueryError:
    try:
        return parse(text, ALIASES)
    except QueryError as error:
        return error


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("b a", "a AND b"),
        ("a OR b c", "a OR b AND c"),
        ("a b OR c", "a AND b OR c"),
        ("(a OR b) c", "(a OR b) AND c"),
        ("((a)) AND (b (c d))", "a AND b AND c AND d"),
        ("a OR (b OR a)", "a OR b"),
        ("c NOT a NEAR b", "c AND NOT a NEAR/5 b"),
        ("c -(a OR b)", "c AND NOT (a OR b)"),
        ("NOT NOT x", "x"),
        ("a ONEAR/3 b NEAR (d OR c)", "a ONEAR/3 b NEAR/5 (c OR d)"),
        ("CSTO =CSTO", "=CSTO AND csto"),
        ("U.S.", "=US"),
        ('"U.S. Troops"', '"U.S. troops"'),
        ('="U.S. Troops"', '="US Troops"'),
        ("post-Soviet", '"post soviet"'),
        ("post-Sov*", '"post sov*"'),
        ("=ОДКБ-2023", '="ОДКБ 2023"'),
        ("集体*", '"集 体"'),
        ('"Договор* о безопасности"~', '"договор* о безопасности"~'),
        ("«Договор о» “x y”", '"x y" AND "договор о"'),
        ("TITLE:a title:(c b)", "title:(b AND c) AND title:a"),
        ("title:(body:x)", "body:x"),
        ("lang:ru-RU", "lang:ru"),
        ("url:https://Belta.by/~x?a=1", 'url:"https://belta.by/~x?a=1"'),
        ("url:(title:x OR a)", 'url:("a" OR title:x)'),
        ("url:@sites", "url:@sites"),
        ("@CSTO NEAR/3 x", "@csto NEAR/3 x"),
        ("not and or", "and AND not AND or"),
        ('"OR" x', "or AND x"),
        ("=OR", "=OR"),
        ("a\u200b OR\ufeff b", "a OR b"),
        ("12:30", '"12 30"'),
        ("AT&T C++ +plus", "at&t AND c++ AND plus"),
        ('a(b)"c"', "a AND b AND c"),
        ("Путин~ =Путин~", "=Путин~ AND путин~"),
    ],
)
def test_the_canonical_form_says_the_same_in_one_spelling(text: str, canonical: str) -> None:
    query = parse(text, ALIASES)
    assert canon(query) == canonical
    assert parse(canonical, ALIASES) == query


@pytest.mark.parametrize(
    ("text", "pos", "words"),
    [
        ("", 0, "empty"),
        ("  ", 0, "empty"),
        ("a AND", 5, "missing"),
        ("a AND )", 6, "missing"),
        ("a OR OR b", 5, "missing"),
        ("OR a", 0, "missing"),
        ("title:", 6, "missing"),
        ("a NEAR", 6, "missing"),
        ("(a OR b", 0, "never closed"),
        ("a (", 2, "never closed"),
        ("a)", 1, "never opened"),
        ('a "b', 2, "never closed"),
        ('""', 0, "no word"),
        ("a foo:b", 2, "no field foo:"),
        ("a http://x.org", 2, "no field http:"),
        ("a @nope", 3, "no alias @nope"),
        ("a @csto*", 2, "name of an alias"),
        ("@round", 1, "leads back to itself"),
        ("a @empty", 3, "no queries"),
        ("x @broken", 3, 'in @broken, "(open", character 1'),
        ("NOT x", 0, "NOT alone"),
        ("a OR -x", 5, "NOT alone"),
        ("a OR (NOT x AND NOT y)", 6, "NOT alone"),
        ("@negative", 0, "NOT alone"),
        ("title:-x", 6, "cannot stand here"),
        ("a --x", 2, "cannot stand here"),
        ("a - b", 2, "no letter or digit"),
        ("a …", 2, "no letter or digit"),
        ("a NEAR/x b", 6, "number"),
        ("a NEAR/5000 b", 2, "1000"),
        ("a NEAR (b c)", 7, "NEAR takes"),
        ("a NEAR title:b", 7, "NEAR takes"),
        ("x NEAR @both", 7, "NEAR takes"),
        ("a NEAR NOT b", 7, "missing"),
        ('"a b"~5', 5, "distance"),
        ("word~2", 4, "similar"),
        ("c*to", 1, "end of a word"),
        ("a*", 0, "two letters"),
        ("*a", 0, "missing before"),
        ('"a b"*', 5, "belongs to a word"),
        ('"ab *"', 4, "end of a word"),
        ('"ab~ c"', 3, "inside a phrase"),
        ('"=ab c"', 1, "inside a phrase"),
        ('"organi[sz]ation"', 7, "no meaning"),
        ("organi?ation", 6, "no meaning"),
        ("author=x", 6, "no meaning"),
        ("!x", 0, "does not exclude"),
        ("a –x", 2, "does not exclude"),
        ("a | b", 2, "not an operator"),
        ("a && b", 2, "not an operator"),
        ("/ab+/", 0, "regular expressions"),
        (":x", 0, "field's name"),
        ("= x", 0, "must touch"),
        ("lang:russian", 5, "language code"),
        ("url:belta*", 9, "no meaning in url:"),
        ("x" * 4001, 4000, "4000 characters"),
        ("a " * 257, 512, "256 terms"),
        ("(" * 65 + "a" + ")" * 65, 64, "64 deep"),
        ("a " + "NOT " * 65 + "x", 2 + 4 * 64, "64 deep"),
    ],
)
def test_a_fault_is_shown_where_it_stands(text: str, pos: int, words: str) -> None:
    error = fault(text)
    assert (error.pos, words in error.message) == (pos, True), error


def test_the_old_way_to_write_a_distance_is_answered_with_the_new_one() -> None:
    assert "NEAR/5" in fault('"collective security"~5').hint


def test_a_misspelt_field_is_answered_with_the_nearest() -> None:
    assert fault("titel:x").hint == "did you mean title?"


def test_a_missing_operand_before_a_word_like_an_operator_says_how_to_find_it() -> None:
    assert '"or"' in fault("a AND OR").hint


def test_limits_are_reached_without_fault() -> None:
    assert len(list(leaves(parse(" OR ".join(f"w{n}" for n in range(256))).tree))) == 256
    assert canon(parse("(" * 64 + "a" + ")" * 64)) == "a"


def test_terms_of_aliases_count() -> None:
    many = {"many": [f"w{n}" for n in range(200)]}
    with pytest.raises(AliasError, match="256 terms"):
        parse("@many @many", many)


def test_aliases_nest_five_deep_and_no_deeper() -> None:
    chain = {f"a{n}": [f"@a{n + 1}"] for n in range(1, 6)} | {"a6": ["x"]}
    assert canon(parse("@a2", chain)) == "@a2"
    with pytest.raises(AliasError, match="5 deep"):
        parse("@a1", chain)


def test_deep_aliases_share_the_limit_of_depth() -> None:
    deep = {"a": ["(" * 40 + "@b" + ")" * 40], "b": ["(" * 40 + "x" + ")" * 40]}
    with pytest.raises(AliasError, match="64 deep"):
        parse("@a", deep)


def test_leaves_know_their_alias_and_stand_where_it_is_named() -> None:
    found = {(leaf.alias, leaf.pos) for leaf in leaves(parse("x @all", ALIASES).tree)}
    assert found == {("", 0), ("csto", 2), ("all", 2)}


def test_every_fault_of_a_configuration_of_aliases_is_told() -> None:
    faults = {(each.alias, each.inner.query): each for each in check_aliases(ALIASES | {"bad name": ["x"]})}
    assert set(faults) == {
        ("broken", "(open"),
        ("round", "@about"),
        ("about", "@round"),
        ("empty", ""),
        ("bad name", "@bad name"),
    }
    assert faults["broken", "(open"].inner.pos == 0


def test_a_single_text_is_an_alias_of_one_query() -> None:
    assert check_aliases({"one": "two words"}) == []
    assert parse("@one", {"one": "two words"}) == parse("@one", {"one": ["two words"]})


def test_what_differs_in_meaning_differs_in_tree() -> None:
    texts = [
        "a b",
        '"a b"',
        "a OR b",
        "=a b",
        "a NEAR b",
        "a ONEAR b",
        "a NEAR/4 b",
        "title:a b",
        "a~ b",
        '"a b"~',
        "a NOT b",
    ]
    assert len({parse(text).tree for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("=CSTO", NeedToken("csto")),
        ("mins*", NeedPrefix("mins")),
        ("words~", NeedPrefix("wo")),
        ('"a b"', NeedPhrase(("a", "b"))),
        ('"a b cd* e"', NeedAll((NeedPhrase(("a", "b", "cd"), beginning=True), NeedToken("e")))),
        ("a NEAR b", NeedAll((NeedToken("a"), NeedToken("b")))),
        ("a OR b", NeedAny((NeedToken("a"), NeedToken("b")))),
        ("a NOT b", NeedToken("a")),
        ("title:a lang:ru source:x url:y", NeedToken("a")),
        ("lang:ru", NeedEverything()),
        ("a OR source:x", NeedEverything()),
        ("source:(x title:a)", NeedToken("a")),
        ("a (b OR source:(x OR y))", NeedToken("a")),
    ],
)
def test_the_index_is_asked_for_what_must_be_there(text: str, need: object) -> None:
    assert proposal(parse(text)) == need


SIGNS = [
    "(",
    ")",
    '"',
    " ",
    " ",
    "AND",
    "OR",
    "NOT",
    "-",
    "NEAR/2",
    "ONEAR",
    "=",
    "*",
    "~",
    "@csto",
    "@all",
    "title:",
    "url:",
    "lang:ru",
    ":",
    "/",
]
SIGNS += [
    "word",
    "CSTO",
    "ОДКБ",
    "U.S.",
    "post-Soviet",
    "集体",
    "«",
    "»",
    "C++",
    "3.5",
    "?",
    "\u200b",
    "ё",
    "ﬁ",
    "category:",
    "сям’я",
    "=US",
]


@QUICK
@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(st.sampled_from(SIGNS), max_size=14).map("".join),
        st.lists(st.sampled_from(SIGNS), max_size=14).map(" ".join),
    )
)
def test_any_text_is_a_query_or_a_fault_inside_it(text: str) -> None:
    read = parsed(text)
    if isinstance(read, QueryError):
        assert 0 <= read.pos <= len(text)
        assert read.message
    else:
        assert parse(canon(read), ALIASES) == read
        proposal(read)


ATOMS = [
    "a",
    "=B",
    "cd*",
    "e~",
    '"f g"',
    '="F G"',
    '"h ij*"~',
    "@csto",
    "title:j",
    "body:(k OR l)",
    "lang:ru",
    'url:"x y"',
    "U.S.",
    '"U.S. m"',
    "n NEAR o",
    "集体",
]


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda form, one, two: form.format(one, two),
        st.sampled_from(
            [
                "({} OR {})",
                "({} {})",
                "({} AND {})",
                "({} NOT {})",
                "({} -({}))",
                "title:({} {})",
                "({} OR {} NOT NOT x)",
            ]
        ),
        inner,
        inner,
    )


@QUICK
@given(st.recursive(st.sampled_from(ATOMS), compound, max_leaves=8))
def test_the_canonical_form_reads_back_as_the_same_tree(text: str) -> None:
    query = parse(text, ALIASES)
    again = parse(canon(query), ALIASES)
    assert again == query
    assert canon(again) == canon(query)
