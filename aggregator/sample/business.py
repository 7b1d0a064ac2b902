"""The business paper, and the review whose feed says little and whose article pages say much."""

from __future__ import annotations

from aggregator.sample.story import Item, on
from aggregator.sample.wire import UPDATED

OPEN_LEDGER = (
    UPDATED,
    Item(
        "markets/9120",
        "Grain freight rates slip for the fourth week",
        (
            "Rates for handysize vessels on the Black Sea fell by another 3 percent as charterers waited for spring cargoes.",
            "Owners expect a floor in March, when the first shipments of the new fertiliser season are due.",
        ),
        on(2, "14:00"),
        ("markets",),
    ),
    Item(
        "people/774",
        "Why banks are hiring CSTOs, and what a chief science and technology officer does",
        (
            (
                "Three lenders have created the post this winter. CSTOs sit between the laboratory and the board: they decide which "
                "research is worth buying and which systems are worth keeping."
            ),
            "Recruiters say a good candidate costs as much as a finance director, and that the cost is rarely the obstacle.",
        ),
        on(2, "11:30"),
        ("people", "technology"),
        author="Open Ledger careers desk",
    ),
    Item(
        "energy/3301",
        "Baltic and Nordic grids agree to share reserves",
        (
            (
                "Operators of the power grid in five countries signed an agreement on mutual reserves that should keep the price of "
                "electricity steadier on windless evenings."
            ),
            "The first joint auction is planned for the third quarter.",
        ),
        on(1, "20:15"),
        ("energy",),
        energy=True,
    ),
    Item(
        "currencies/5512",
        "Currencies: dealers sit on their hands before rate decisions",
        ("Turnover was a third below the average of the month, with two central banks to speak before the weekend.",),
        on(1, "18:00"),
        ("markets",),
    ),
    Item(
        "shipping/2207",
        "Container lines bet on the short route",
        ("Two lines add a weekly service between Gdynia and the Turkish coast, cutting the trip by three days.",),
        on(1, "15:20"),
        ("shipping",),
    ),
    Item(
        "markets/8804",
        "Fertiliser makers expect a calmer year",
        ("After the swings of last year, producers surveyed by this newspaper plan with unchanged prices.",),
        on(16, "16:00", month=1),
        ("markets",),
    ),
)

HIDDEN = "corridor-diplomacy"
"""The slug of the story that names the alliance on its page alone."""

SUMMIT_REVIEW = (
    Item(
        HIDDEN,
        "Corridor diplomacy: how calendars decide what ministers talk about",
        ("Whoever writes the calendar of a year writes half of its agenda. A look behind the doors of secretariats.",),
        on(2, "12:00"),
        ("Diplomacy",),
        author="The Summit Review",
        article=(
            (
                "Whoever writes the calendar of a year writes half of its agenda. The other half is written in corridors, in the "
                "minutes before a meeting begins, when somebody proposes to move an item from Thursday to the spring."
            ),
            (
                "That is why small secretariats guard their calendars so carefully. A retired protocol officer remembers a winter in "
                "which a single sheet of paper travelled between five capitals eleven times before anyone dared to call it final."
            ),
            (
                "This year the pencil is in Minsk. Its diplomats chair the CSTO until the end of December, and the draft they sent "
                "round in January puts the meeting of foreign ministers before that of the defence ministers, not after it. It is a "
                "small change with a purpose: what the first group has agreed, the second can no longer ignore."
            ),
            (
                "Other bodies watch closely. A calendar that leaves room for guests is an invitation, one envoy says, and a calendar "
                "that leaves none is a statement too."
            ),
            (
                "In the end most of what is planned will happen a week later than planned. The retired officer smiles at that. The "
                "art, she says, is not to keep the date but to own it."
            ),
        ),
        csto=True,
    ),
    Item(
        "translators",
        "The booth at the back: a day with conference interpreters",
        (
            "Two voices, one window, thirty minutes each. What it takes to say in one language what was meant in another.",
        ),
        on(2, "10:00"),
        ("People",),
        article=(
            (
                "The booth is two metres wide and smells of peppermint. Two interpreters share it, and every half hour they change "
                "places without a word, because the words are needed elsewhere."
            ),
            (
                "The hardest part of the job is not speed, says the older of the two, but humour. A joke that arrives ten seconds "
                "late is no longer a joke, so she warns her listeners: the speaker is joking, please smile now."
            ),
            (
                "At six in the evening the hall is empty. On the desk remain two glasses, a list of fish in four languages, and a "
                "note from the delegation in row three that says only: thank you."
            ),
        ),
    ),
    Item(
        "hotel-menus",
        "What is served when nothing is agreed",
        ("Menus of forty summits, collected by a hotel chef, tell their own story of hard and easy negotiations.",),
        on(1, "19:30"),
        ("People",),
        article=(
            (
                "For thirty years the chef has kept one copy of every menu. The thick folder is for talks that ended well, the thin "
                "one for the others, and the fish is always in the thin one."
            ),
            (
                "He swears there is a reason. Fish needs punctual guests, and punctual guests are those who have nothing left to "
                "say to one another. When things go well, dinner starts at eleven and it had better be a stew."
            ),
            "His rule for young cooks is short: cook for the drivers first. They know how late it will be before the ministers do.",
        ),
    ),
    Item(
        "maps",
        "A quiet profession: drawing maps that nobody may dispute",
        ("In the map room of a university, three people decide how thick a dotted line may be. It takes them weeks.",),
        on(1, "17:00"),
        ("Science",),
        article=(
            (
                "A dotted line has a width, a gap and a shade, and each of them has been the subject of letters. The map room keeps "
                "the letters in a drawer of its own."
            ),
            (
                "The three cartographers prefer rivers. A river moves by itself and asks nobody, and when it has moved far enough "
                "the map is simply old, which is a state in which maps are at peace."
            ),
            "Their newest atlas has four hundred pages. The page that took longest shows a lake.",
        ),
    ),
    Item(
        "archive",
        "Letters from the archive: an invitation that came forty years late",
        ("A postal clerk finds a sealed envelope behind a cupboard. The addressee still lives in the same street.",),
        on(18, "09:00", month=1),
        ("History",),
        article=(
            (
                "The envelope had slipped behind the cupboard in 1983, when the sorting office moved its furniture to paint a wall. "
                "It surfaced when the wall was painted again."
            ),
            (
                "Inside was an invitation to a conference on the cleaning of rivers. The addressee, now eighty-one, wrote back at "
                "once: she regretted that she could not attend, and asked how the rivers were."
            ),
            "The clerk framed her answer. It hangs in the office, level with the top of the cupboard, which no longer touches the wall.",
        ),
    ),
)
