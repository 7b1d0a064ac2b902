"""What the English-language outlets of general news publish."""

from __future__ import annotations

from aggregator.sample.story import Item, on
from aggregator.sample.wire import LINKED, ORIGINAL, RETITLED, SUFFIXED

MINSK_WIRE = (
    Item(
        "society/2023/02/02/snow",
        "Minsk clears streets after fifteen centimetres of snow",
        (
            (
                "More than 400 machines were at work in the capital on Thursday morning after the heaviest snowfall of the winter. "
                "The city's road service said main avenues were passable by seven o'clock and courtyards would follow by the evening."
            ),
        ),
        on(2, "14:30"),
        ("Society",),
    ),
    ORIGINAL,
    Item(
        "sport/2023/02/02/biathlon",
        "Biathlon: relay squad named for the home cup stage in Raubichi",
        (
            (
                "Four women and four men will start for the hosts in the relays at Raubichi next week, the federation announced. "
                "Organisers expect eight thousand spectators a day and have laid on extra buses from the city."
            ),
        ),
        on(2, "11:15"),
        ("Sport",),
    ),
    Item(
        "politics/2023/02/01/csto-staff-talks",
        "CSTO staff officers end planning session in Minsk",
        (
            (
                "Staff officers of the CSTO member states have finished a three-day planning session in Minsk, agreeing the calendar "
                "of this year's joint training. The session was closed to the press; a communique said that logistics and medical "
                "support would be rehearsed together for the first time."
            ),
        ),
        on(1, "18:20"),
        ("Defence",),
        csto=True,
    ),
    Item(
        "economy/2023/02/01/tractors",
        "Tractor works reports record orders from southern Africa",
        (
            (
                "The Minsk tractor plant has a full order book until August, its sales department said, with a third of the machines "
                "going to farms in Zimbabwe and Zambia. Assembly on the second line restarts on Monday."
            ),
        ),
        on(1, "16:05"),
        ("Economy",),
    ),
    Item(
        "culture/2023/02/01/library",
        "National Library opens night reading room for students",
        (
            (
                "From February the diamond-shaped building will stay open until midnight in the examination weeks. "
                "Places are booked online; tea is free."
            ),
        ),
        on(1, "15:40"),
        ("Culture",),
    ),
    Item(
        "politics/2023/01/17/csto-secretariat",
        "New year, new chair: CSTO secretariat hands over files to Minsk",
        (
            (
                "The secretariat of the CSTO has completed the handover of documents to the country that chairs the organisation "
                "this year, a routine step that precedes the publication of the chairmanship's programme."
            ),
        ),
        on(17, "10:00", month=1),
        ("Politics",),
        csto=True,
    ),
    Item(
        "society/2023/01/12/skating",
        "Open-air skating rink by the river extends its season",
        ("Frosty nights allow the city to keep the rink open until the end of February, the parks department said.",),
        on(12, "09:30", month=1),
        ("Society",),
    ),
)

CONTINENTAL_DESK = (
    RETITLED,
    Item(
        "2023/02/02/analysis-alliances",
        "Analysis: what small members expect from an alliance",
        (
            (
                "Security pacts are judged by their smallest members. Interviews in four capitals suggest that expectations differ "
                "widely: some want training and equipment at a discount, others a seat at the table when larger powers talk."
            ),
            (
                "The Collective Security Treaty Organisation is no exception. Its members share a treaty and a rotating chair, "
                "but hardly a common reading of the threats around them, say three researchers who follow its summits."
            ),
        ),
        on(2, "10:20"),
        ("Analysis",),
        author="Continental Desk",
        csto=True,
    ),
    Item(
        "2023/02/02/rail-strike",
        "Rail unions and ministers return to talks in three countries",
        (
            (
                "Night trains will run again from Friday after unions in three countries agreed to suspend their strikes for talks. "
                "Operators promise refunds for the tickets of the past ten days."
            ),
        ),
        on(2, "09:10"),
        ("Europe",),
    ),
    Item(
        "2023/02/01/coast-guard",
        "Coast guard rescues crew of freighter off the northern coast",
        (
            (
                "A helicopter lifted eleven sailors from a freighter that lost power in high seas twenty miles off the coast. "
                "The operation cost no lives; the ship is under tow."
            ),
        ),
        on(1, "21:45"),
        ("Europe",),
    ),
    Item(
        "2023/02/01/csto-museum",
        "Old server hall of a csto chat network becomes a museum piece",
        (
            (
                "Before social networks there was a csto command: in the chat program of a Baltic university it meant 'close station'. "
                "The machine that ran it for nineteen years went to a computing museum this week."
            ),
        ),
        on(1, "17:30"),
        ("Technology",),
    ),
    Item(
        "2023/01/24/winter-wheat",
        "Mild January worries growers of winter wheat",
        ("Without a cover of snow the young plants would not survive a sudden frost, agronomists warn.",),
        on(24, "12:00", month=1),
        ("Farming",),
    ),
)

STEPPE_COURIER = (
    SUFFIXED,
    Item(
        "2023/02/astana-frost",
        "Schools in the capital switch to distance lessons at minus 32",
        (
            (
                "Pupils up to the ninth form stay at home today and tomorrow. Forecasters expect the frost to ease at the weekend, "
                "with light snow and a weaker wind."
            ),
        ),
        on(2, "08:00"),
        ("Weather",),
    ),
    Item(
        "2023/02/dombra",
        "A hundred dombras in one yard: music school sets a record",
        (
            (
                "Pupils, parents and two grandmothers played the same tune together for eleven minutes. "
                "The oldest instrument in the yard was made in 1891."
            ),
        ),
        on(1, "19:00"),
        ("Culture",),
    ),
    Item(
        "2023/02/collective-forces",
        "Peacekeepers from six states will train on our polygons, ministry says",
        (
            (
                "Units assigned to the Collective Security Treaty Organization will train in mountain terrain this autumn, the "
                "ministry of defence said, without naming a date. Local farmers will be compensated for closed pastures."
            ),
        ),
        on(1, "17:50"),
        ("Region",),
        csto=True,
    ),
    Item(
        "2023/02/wrestling",
        "Wrestlers bring home nine medals from Zagreb",
        ("Three of them are gold. The national team returns on Sunday and will be met at the airport with music.",),
        on(1, "16:20"),
        ("Sport",),
    ),
    Item(
        "2023/01/caspian-level",
        "Caspian shore moves another forty metres away",
        ("Fishermen have to carry their boats over mud to open water; the port of Aktau plans to dredge its channel.",),
        on(20, "11:00", month=1),
        ("Environment",),
    ),
    Item(
        "2023/01/csto-anniversary",
        "A year after the January mission: what the CSTO deployment left behind",
        (
            (
                "Twelve months after the short peacekeeping deployment of the CSTO to Kazakhstan, residents of Almaty remember "
                "armoured vehicles at the bakery and soldiers who asked for the way."
            ),
        ),
        on(10, "10:30", month=1),
        ("Region",),
        csto=True,
    ),
)

AMBER_POST = (
    LINKED,
    Item(
        "city/lamps",
        "Harbour & old town get new street lamps",
        (
            (
                "The coast road is dark no longer – 210 lamps were switched on by the mayor & a class of third-graders. "
                "They cost a quarter of the electricity of the old ones."
            ),
        ),
        on(2, "13:00"),
        ("City",),
        energy=True,
    ),
    Item(
        "sport/handball",
        "Handball: late goal saves a point in Klaipeda",
        ("A throw in the last second gave the hosts a draw; coach & players were too hoarse to comment.",),
        on(2, "09:40"),
        ("Sport",),
    ),
    Item(
        "sea/amber",
        "Storm leaves amber on the beach",
        (
            (
                "Early walkers found pieces as large as a walnut along the coast – the largest one went to the museum. "
                "Police reminded collectors & divers to keep off the breakwater."
            ),
        ),
        on(1, "18:30"),
        ("Sea",),
    ),
    Item(
        "city/ferry",
        "Ferry prices to rise, the cost of fuel is to blame",
        ("A single crossing will cost ten cents more from March. Residents & pupils keep their passes.",),
        on(1, "15:30"),
        ("City",),
    ),
    Item(
        "culture/organ",
        "Organ builders return after forty years",
        ("The firm that installed the organ in 1983 will clean its 2,600 pipes – one by one.",),
        on(19, "14:00", month=1),
        ("Culture",),
    ),
)
