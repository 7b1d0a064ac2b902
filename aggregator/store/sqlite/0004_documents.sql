-- One row: What is kept of each feed's last document, so that the next one's known items need no parsing.
CREATE TABLE documents (
  feed_id  TEXT PRIMARY KEY REFERENCES feeds (id) ON UPDATE CASCADE ON DELETE CASCADE,  -- → feeds.id
  head     TEXT NOT NULL,                       -- a digest of all that decides about every item alike
  seen     TEXT NOT NULL,                       -- digest of head and items
  settled  INTEGER NOT NULL,                    -- 1: judging that document again would change nothing
  items    BLOB NOT NULL,                       -- what is known of its items, in order: digests and checksums, then their facts as JSON, deflated
  fresh    TEXT NOT NULL DEFAULT '[]'           -- of those that were new: (number, entry id), JSON
)
;
