"""Identity over time: what publishers do to ids, links and titles while the news stays the same (§2b, §2c)."""

from __future__ import annotations

import itertools
from datetime import timedelta

from tests.conformance.feedserver import Behaviour, Call, status
from tests.e2e.homes import START, Item, rss
from tests.faultserver.manifest import Fault, Place, Seen, ago, bodies, news, turns, well, xml

LATER = START + timedelta(hours=1.5)
TEXT = "The council of the town met on Thursday and spoke at length of roads, bridges and the price of bread."


def one(guid: str, title: str = "A", link: str = "https://n.example/a", text: str = TEXT) -> bytes:
    """A feed with one entry."""
    return rss(Item(guid, title, text, link=link))


def bare(title: str = "A", link: str = "", text: str = TEXT, date: str = "") -> str:
    """An item without an id."""
    return (
        f"<item><title>{title}</title>{f'<link>{link}</link>' if link else ''}"
        f"{f'<pubDate>{date}</pubDate>' if date else ''}<description>{text}</description></item>"
    )


def _session(_: Place) -> Behaviour:
    rounds = itertools.count()

    def behave(call: Call) -> None:
        number = next(rounds)
        call.respond(
            200,
            one(
                f"https://n.example/a?PHPSESSID={number:08x}&utm_source=rss",
                link=f"https://n.example/a?utm_campaign={number}",
            ),
        )

    return behave


def _new_guid(_: Place) -> Behaviour:
    rounds = itertools.count()
    return lambda call: call.respond(200, one(f"urn:uuid:{next(rounds):032x}"))


def _unrevised(seen: Seen) -> None:
    assert [e.revisions for e in seen.entries] == [1] * len(seen.entries)


def _revised(seen: Seen) -> None:
    assert seen.one().revisions == 2


FAULTS: tuple[Fault, ...] = (
    well("guid-changing", "Gives the same news a new id each time.", "§2c 9, changing-guid", _new_guid, check=_unrevised),
    well("guid-session", "Puts a session into its ids.", "§2c 8", _session, check=_unrevised),
    well("guid-https", "Moves its ids to https.", "§2c 6", bodies(one("http://n.example/a"), one("https://n.example/a")), check=_unrevised),
    well("guid-www", "Adds www. and a port to its ids.", "§2c 7", bodies(one("https://n.example/a"), one("https://www.n.example:443/a")), check=_unrevised),
    well("guid-blank", "Gives an empty id to all.", "§2c 21",
         bodies(xml("".join(f"<item><guid> </guid><title>{t}</title><link>https://n.example/{t}</link></item>" for t in "ABC"))), entries=3),
    well("guid-shared", "Gives one id to two entries.", "§2c 15",
         bodies(rss(Item("x", "A", link="https://n.example/a"), Item("x", "B", link="https://n.example/b"))), entries=2),
    well("guid-twice", "Lists the same entry twice.", "§2c 16", bodies(rss(Item("x", "A"), Item("x", "A")))),
    well("guid-cms-move", "Changes all its ids at once.", "§2c 9",
         bodies(rss(*(Item(f"old-{t}", t, TEXT + t, link=f"https://n.example/{t}") for t in "ABC")),
                rss(*(Item(f"new-{t}", t, TEXT + t, link=f"https://n.example/{t}") for t in "ABC"))), entries=3, check=_unrevised),
    well("title-edited", "Corrects its title.", "§2c 2", bodies(one("x", "Town councl meets"), one("x", "Town council meets")),
         titles=("Town council meets",), check=_revised),
    well("title-edited-no-guid", "Corrects its title and has no ids.", "§2c 11",
         bodies(xml(bare("Councl", "https://n.example/a")), xml(bare("Council", "https://n.example/a"))), titles=("Council",), check=_revised),
    well("link-token", "Changes a token in its links each time, and has no ids.", "§2c 13",
         bodies(*(xml(bare("A", f"https://n.example/a?v={n}", date=ago(3))) for n in range(5))), check=_unrevised),
    well("link-root", "Links every entry to its front page, and has no ids.", "§2c 17",
         bodies(xml("".join(bare(t, "https://n.example/", f"{TEXT} {t}") for t in "ABC"))), entries=3),
    well("link-fragments", "Tells entries apart by fragments alone.", "§2c 26",
         bodies(xml(bare("A", "https://n.example/live#p12", "one") + bare("B", "https://n.example/live#p13", "two"))), entries=2),
    well("link-amp", "Sends the mobile address now and then.", "§2c 14",
         bodies(xml(bare("A", "https://www.n.example/a")), xml(bare("A", "https://m.n.example/a/amp"))), check=_unrevised),
    well("text-only", "Has entries of text alone.", "§2c 19", bodies(xml(bare("")), xml(bare("") + bare("", text="More of it."))), entries=2),
    well("views-counter", "Counts its readers in the text.", "§2c 25",
         bodies(*(one("x", text=f"{TEXT} Views: {n}") for n in (10, 25, 99))), check=_unrevised),
    well("vanish-return", "Drops an entry and brings it back.", "§2c 23", bodies(news("A", "B"), news("B"), news("C"), news("A", "B", "C")),
         titles=("A", "B", "C"), entries=3, check=_unrevised),
    well("empty-return", "Has no entries for once.", "F8", bodies(news("A", "B"), xml(""), news("A", "B")), entries=2, check=_unrevised),
    well("broken-return", "Is a page for once.", "P5, F8",
         turns(status(200, news("A")), status(200, b"<html><body>Login</body></html>"), status(200, news("B", "A"))),
         entries=2, errors=("", "", "not_a_feed", "", "", ""), check=_unrevised),
    well("cut-return", "Is cut inside an entry for once.", "F1, F8", bodies(news("A", "B", "C"), news("A", "B", "C")[:-300], news("A", "B", "C")),
         entries=3, titles=("A", "B", "C")),
    well("rss-to-atom", "Becomes Atom.", "§2c 29",
         bodies(rss(Item("https://n.example/a", "A", TEXT, link="https://n.example/a")),
                ("<feed xmlns='http://www.w3.org/2005/Atom'><title>N</title><entry><id>https://n.example/a</id><title>A</title>"
                 f"<link href='https://n.example/a'/><updated>2023-02-02T11:00:00Z</updated><summary>{TEXT}</summary></entry></feed>").encode())),
    well("gap", "Shows two entries at a time and is quicker than we are.", "issue 4, gap detection",
         bodies(news("A", "B"), rss(Item("c", "C", at=LATER), Item("d", "D", at=LATER))), titles=("A", "B", "C", "D"), entries=4),
    well("redated", "Announces its archive as of today.", "issue 4, baselines",
         bodies(rss(*(Item(f"x{n}", f"Report {n}", at=START.replace(year=2015)) for n in range(3))), rss(*(Item(f"x{n}", f"Report {n}") for n in range(3)))),
         entries=3, check=_unrevised),
)  # fmt: skip
