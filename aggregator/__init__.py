"""aggregator watches the news for people who must not miss a thing.

Four straight lines. Each claims due rows, reads, decides, and ends in one transaction; the tables between them are the
only joints.

    poll     due feeds -> fetch -> parse -> sanitize -> identity -> story -> match     => entries, stories, matches, validators
    enrich   due entries -> fetch article -> extract -> match                          => article text, matches
    compose  due digests -> edition -> render                                          => edition archive, outbox: final bytes
    send     due messages -> transport -> outbox rule                                  => attempt settled

A clock tick decides nothing: it asks the database what is due, so a crash, a sleep or a restart loses no schedule. An
alert is an edition whose window is zero: there is one path to the mailbox, not two.

Where to read, in order: poll.py, compose.py, send.py; then the stages they name (feeds/, stories/, watch/, digests/), which
touch nothing; then ports.py and stores.py for what the lines ask of the world, and app.py for who answers. docs/route.md tells the journey.
"""
