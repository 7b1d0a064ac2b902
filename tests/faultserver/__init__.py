"""A server that misbehaves in every way we have heard of, and what our program must make of each.

`manifest.py` says what a row is; the themed modules beside it hold the rows; `site.py` serves them, each from a loopback
host of its own; `test_faultserver.py` polls them all for ten staged days and holds every row to its word.
`python -m tests.faultserver` serves them by hand.
"""
