-- The revision with which the entry came into its story: a publisher may give an id to other news, which looks for another.
ALTER TABLE entries ADD COLUMN story_revision INTEGER NOT NULL DEFAULT 1
;
