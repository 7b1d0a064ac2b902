"""Documents: from the bytes a server sent to entries, and from entries to what is new.

parse.py      bytes -> ParsedFeed, the only door to feedparser; runs in a worker process
charset.py    bytes -> text                 xmltext.py   limits and repairs before any parser
rss.py        feedparser's view -> raw items  jsonfeed.py  JSON Feed -> raw items
fields.py     raw item -> ParsedEntry       dates.py     printed date -> aware UTC
sanitize.py   HTML -> safe HTML, plain text identity.py  new, revised or the same
discover.py   a page's feeds                opml.py      lists of feeds
robots.py     robots.txt -> what may be read
"""
