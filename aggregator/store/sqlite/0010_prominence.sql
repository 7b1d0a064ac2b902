-- what a story must reach to be told in it: `any`, `lead` or `title`
ALTER TABLE digests ADD COLUMN prominence TEXT NOT NULL DEFAULT 'any' CHECK (prominence IN ('any', 'lead', 'title'))
;
-- what a story must reach for this reader: `any`, `lead` or `title`; the stricter one of this and the digest's holds
ALTER TABLE subscriptions ADD COLUMN prominence TEXT NOT NULL DEFAULT 'any' CHECK (prominence IN ('any', 'lead', 'title'))
;
-- How prominent a settled match was: mention, lead or title; NULL of old, when everybody was told of everything.

-- its own: `mention`, `lead` or `title`; the highest of a story says to which readers it has been told. Empty where that was
-- not asked: in editions before thresholds everybody was told
ALTER TABLE edition_matches ADD COLUMN prominence TEXT CHECK (prominence IN ('mention', 'lead', 'title'))
;
