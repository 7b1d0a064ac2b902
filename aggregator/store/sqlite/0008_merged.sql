-- Stories that a person has merged: which one each entry had joined, so that later copies are still compared with its first.
ALTER TABLE entries ADD COLUMN merged_from INTEGER
;
-- One row: a story that was merged into another. Its id means that other from then on, and is never given again.
CREATE TABLE story_aliases (
  id             INTEGER PRIMARY KEY,
  story_id       INTEGER NOT NULL REFERENCES stories (id) ON DELETE CASCADE, -- the story that it is part of now
  merged_into    INTEGER NOT NULL,             -- the one that it was merged into, which may have been merged since
  title          TEXT NOT NULL,                -- what it was called
  first_seen_at  TEXT NOT NULL,
  merged_at      TEXT NOT NULL
)
;
CREATE INDEX story_aliases_by_story ON story_aliases (story_id)
;
