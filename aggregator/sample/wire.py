"""The one wire story, as five outlets carry it: whole, cut, retitled, and linked with what marketing adds to links."""

from __future__ import annotations

from aggregator.sample.story import Item, on

WIRE_URL = "https://minsk-wire.example/politics/2023/02/02/csto-priorities"
"""The story's canonical address; two copies link it with tracking parameters."""

_TITLE = "Belarus sets out priorities for its year at the head of the CSTO"
_LEAD = (
    "MINSK – Belarus, which took over the rotating chairmanship of the Collective Security Treaty Organization for 2023, "
    "has set out what it wants the six-member bloc to work on this year, putting crisis response, joint training and a "
    "louder common voice in international forums at the top of the list."
)
_LIST = (
    "The document circulated to member states names six lines of work: strengthening the mechanisms of collective "
    "response, coordinating foreign policy positions, fighting terrorism and drug trafficking, supporting the border "
    "troops on the southern flank, closer contact with neighbouring regional bodies, and bringing the work of the "
    "alliance to the attention of younger people."
)
_PLAN = (
    "Officials in Minsk said more than 70 events were planned under the chairmanship, among them meetings of the "
    "councils of foreign and defence ministers and a summit of heads of state in the autumn. Exercises of the collective "
    "rapid reaction forces and of the peacekeepers are pencilled in for the second half of the year."
)
_CONTEXT = (
    "The CSTO unites Armenia, Belarus, Kazakhstan, Kyrgyzstan, Russia and Tajikistan. The chair passes from one member "
    "to the next every year; Belarus received it from Armenia after the summit held in Yerevan last November."
)
_REACTION = (
    "Diplomats from two member states said the list was broad enough to be accepted by everybody, and that the test "
    "would be how the bloc handles disagreements between its own members."
)

ORIGINAL = Item(
    slug="politics/2023/02/02/csto-priorities",
    title=_TITLE,
    text=(_LEAD, _LIST, _PLAN, _CONTEXT, _REACTION),
    at=on(2, "12:40"),
    categories=("Politics", "Defence"),
    author="Minsk Wire newsroom",
    link=WIRE_URL,
    csto=True,
    wire=True,
)
"""As the agency sent it."""

SUFFIXED = Item(
    slug="2023/02/belarus-csto-priorities",
    title=f"{_TITLE} - Minsk Wire",
    text=(_LEAD, _LIST, _PLAN, _CONTEXT),
    at=on(2, "13:05"),
    categories=("Region",),
    csto=True,
    wire=True,
)
"""The same title with the agency's name behind it, cut from the end."""

UPDATED = Item(
    slug="wire/8841",
    title=f"UPDATE 1 - {_TITLE}",
    text=(_LEAD, _LIST, _PLAN, _CONTEXT, _REACTION, "(Adds reaction from member states.)"),
    at=on(2, "13:20"),
    categories=("wire", "politics"),
    author="Minsk Wire",
    csto=True,
    wire=True,
)
"""The agency's own update, under its prefix."""

RETITLED = Item(
    slug="2023/02/02/minsk-agenda",
    title="Minsk presents its agenda for a year in the chair",
    text=(_LEAD, _LIST, _PLAN),
    at=on(2, "13:45"),
    categories=("Europe", "Security"),
    author="Continental Desk, with agencies",
    link=f"{WIRE_URL}?utm_source=continental&utm_medium=feed&utm_campaign=partners",
    csto=True,
    wire=True,
)
"""A headline of the desk's own over the wire's text and address."""

LINKED = Item(
    slug="briefs/chairmanship",
    title="In brief: the security bloc's new chair names six tasks",
    text=(_LEAD, _CONTEXT),
    at=on(2, "14:10"),
    categories=("Briefs",),
    link=f"{WIRE_URL}/?utm_source=amber-post",
    csto=True,
    wire=True,
)
"""Two paragraphs, another headline, the wire's address."""
