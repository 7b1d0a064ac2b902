"""Pages that ask not to be kept: what X-Robots-Tag and meta robots say to us, and what they say to others."""

from __future__ import annotations

import pytest

from aggregator.stories import withheld


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("noarchive", "noarchive"),
        ("NoIndex, NoArchive", "noarchive"),
        ("nosnippet", "nosnippet"),
        ("max-snippet:0", "nosnippet"),
        ("max-snippet: 0, noindex", "nosnippet"),
        ("max-snippet:50", ""),
        ("noindex, nofollow", ""),
        ("all", ""),
        ("", ""),
        ("googlebot: noarchive", ""),
        ("googlebot: noarchive\nnosnippet", "nosnippet"),
        ("aggregator: noarchive", "noarchive"),
        ("Aggregator: noindex, nosnippet", "nosnippet"),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noarchive", "noarchive"),
        ("noarchive-not", ""),
    ],
)
def test_a_header_forbids_to_keep_a_page_only_in_words_that_are_for_us(value: str, word: str) -> None:
    assert withheld.by_header(value) == word


def test_the_words_of_a_meta_element_need_no_name() -> None:
    assert withheld.by_words("index,follow,NOARCHIVE") == "noarchive"
    assert withheld.by_words("index, follow, max-image-preview:large") == ""
