"""The sample newsroom of `aggregator demo`: ten feeds that speak, one that is gone, and a mailbox to write to.

All of it is written by us, around the afternoon of 2 February 2023 in Minsk. Nothing here imports the rest of the
project: the demo meets these servers over HTTP and SMTP, as it would meet the world.

    story.py      what an item and an outlet are
    documents.py  renders an outlet as RSS 2.0, RSS 1.0, Atom or JSON Feed
    english.py, business.py, russian.py, belarusian.py, wire.py   the news
    pages.py      article pages with everything that stands around an article
    newsroom.py   the outlets, and the truth the demo checks itself against
    server.py     one HTTP server per outlet         sink.py   an SMTP server that keeps what it gets
    home.py       feeds.yaml, watchlists.yaml and digests.yaml for the demo's home folder
"""
