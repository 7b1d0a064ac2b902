-- The revision with which the entry came into its story: a publisher may give an id to other news, which looks for another.

-- from which revision on it belongs to that story: 1, unless its publisher gave the id to other news
ALTER TABLE entries ADD COLUMN story_revision INTEGER NOT NULL DEFAULT 1
;
