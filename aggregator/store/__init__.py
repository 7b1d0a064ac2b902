"""Where entries, matches, editions and messages are kept; `sqlite/` is the store of one machine."""
