-- What a story must reach to be told in a digest, and what it must reach for one of its readers.
ALTER TABLE digests ADD COLUMN prominence TEXT NOT NULL DEFAULT 'any' CHECK (prominence IN ('any', 'lead', 'title'))
;
ALTER TABLE subscriptions ADD COLUMN prominence TEXT NOT NULL DEFAULT 'any' CHECK (prominence IN ('any', 'lead', 'title'))
;
-- How prominent a settled match was: mention, lead or title; NULL of old, when everybody was told of everything.
ALTER TABLE edition_matches ADD COLUMN prominence TEXT CHECK (prominence IN ('mention', 'lead', 'title'))
;
