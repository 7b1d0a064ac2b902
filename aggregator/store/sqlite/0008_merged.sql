-- Stories that a person has merged: which one each entry had joined, so that later copies are still compared with its first.

-- the story it had joined before a person merged that into this one
ALTER TABLE entries ADD COLUMN merged_from INTEGER
;
-- One row: A story that a person merged into another (`aggregator stories merge`). Its id means that other from then on.
CREATE TABLE story_aliases (
  id             INTEGER PRIMARY KEY,           -- the merged story's
  story_id       INTEGER NOT NULL REFERENCES stories (id) ON DELETE CASCADE,  -- → stories.id; the story it is part of now
  merged_into    INTEGER NOT NULL,              -- the one it was merged into, which may have been merged since
  title          TEXT NOT NULL,                 -- what it was called
  first_seen_at  TEXT NOT NULL,                 -- of the merged story: for its copies the 72 hours count from here
  merged_at      TEXT NOT NULL
)
;
CREATE INDEX story_aliases_by_story ON story_aliases (story_id)
;
