-- One row: what is kept of a feed's last document, so that the next one's known items need no parsing (feeds.slice).
CREATE TABLE documents (
  feed_id  TEXT PRIMARY KEY REFERENCES feeds (id) ON UPDATE CASCADE ON DELETE CASCADE,
  head     TEXT NOT NULL,                       -- digest of all that decides about every item alike
  seen     TEXT NOT NULL,                       -- digest of head and items
  settled  INTEGER NOT NULL,                    -- judging it again would change nothing
  items    BLOB NOT NULL,                       -- what is known of its items, in order: JSON, deflated
  fresh    TEXT NOT NULL DEFAULT '[]'           -- of those that were new: (number, entry id), JSON
) WITHOUT ROWID
;
