-- Texts are kept once (docs/decisions/0011). What needs more than SQL is in migrations.py; it runs in the middle.
ALTER TABLE entries ADD COLUMN markup BLOB
;
ALTER TABLE entries RENAME COLUMN fingerprint TO fingerprint_hex
;
ALTER TABLE entries ADD COLUMN fingerprint BLOB NOT NULL DEFAULT x''
;
ALTER TABLE entry_revisions ADD COLUMN markup BLOB
;
ALTER TABLE story_keys RENAME TO story_keys_before
;

-- One row: a key under which later copies find a story (its canonical URL, its title): a digest of nine bytes. Keys of
-- entries that are gone, or too old to be asked for, go when the database is pruned.
CREATE TABLE story_keys (
  kind      TEXT NOT NULL,                      -- url, title
  key       BLOB NOT NULL,                      -- BLAKE2b of its text
  entry_id  INTEGER NOT NULL,                   -- the entry that brought it; the story is the entry's
  PRIMARY KEY (kind, key, entry_id)
) WITHOUT ROWID
;

-- One row: one of the names by which an entry is recognised in its feed. Keys outlive pruned entries, else old items
-- would come back as new; no id is given twice.
CREATE TABLE entry_keys_after (
  feed_id   TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  kind      TEXT NOT NULL,                      -- id, idnorm, link, hash, titledate, text
  key       TEXT NOT NULL,
  entry_id  INTEGER,                            -- of `entries`, where it is still there
  PRIMARY KEY (feed_id, kind, key)
) WITHOUT ROWID
;
INSERT INTO entry_keys_after SELECT feed_id, kind, key, entry_id FROM entry_keys
;
DROP TABLE entry_keys
;
ALTER TABLE entry_keys_after RENAME TO entry_keys
;
-- A row of `documents` is several thousand bytes: an ordinary table keeps it in one page, one WITHOUT ROWID in three.
CREATE TABLE documents_after (
  feed_id  TEXT PRIMARY KEY NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE ON DELETE CASCADE,
  head     TEXT NOT NULL,                       -- digest of all that decides about every item alike
  seen     TEXT NOT NULL,                       -- digest of head and items
  settled  INTEGER NOT NULL,                    -- judging it again would change nothing
  items    BLOB NOT NULL                        -- facts of its items by the digest of their bytes, deflated
)
;
INSERT INTO documents_after SELECT feed_id, head, seen, settled, items FROM documents
;
DROP TABLE documents
;
ALTER TABLE documents_after RENAME TO documents
;

-- A story's title is kept only where its lead entry reads otherwise now; the view gives every title.
DROP VIEW story_outlets
;
DROP VIEW edition_stories
;
UPDATE stories SET title = '' WHERE title = (
  SELECT iif(e.title != '', e.title, substr(e.body, 1, 120)) FROM entries e WHERE e.story_id = stories.id ORDER BY e.id LIMIT 1)
;

-- What is each story called?
CREATE VIEW story_titles AS
SELECT s.id AS story_id, coalesce(nullif(s.title, ''), (
         SELECT iif(e.title != '', e.title, substr(e.body, 1, 120)) FROM entries e WHERE e.story_id = s.id ORDER BY e.id LIMIT 1
       )) AS title, s.first_seen_at
FROM stories s
;

-- Which stories do several feeds carry, and since when?
CREATE VIEW story_outlets AS
SELECT s.story_id, s.title, s.first_seen_at, count(*) AS entries, count(DISTINCT e.feed_id) AS feeds,
       group_concat(DISTINCT e.feed_id) AS feed_ids
FROM story_titles s JOIN entries e ON e.story_id = s.story_id GROUP BY s.story_id ORDER BY feeds DESC, s.story_id DESC
;

-- What did each edition tell?
CREATE VIEW edition_stories AS
SELECT DISTINCT ed.digest_id, ed.key, ed.id AS edition_id, m.watchlist_id, e.story_id, s.title
FROM edition_matches em JOIN editions ed ON ed.id = em.edition_id JOIN matches m ON m.id = em.match_id
JOIN entries e ON e.id = m.entry_id JOIN story_titles s ON s.story_id = e.story_id
;
DROP TABLE entry_index
;

-- The search index: rowid is entries.id; it is fed our own tokens, joined by blanks, keeps none of them as text, and only
-- proposes candidates.
CREATE VIRTUAL TABLE entry_index USING fts5 (title, body, article, content = '', columnsize = 0, tokenize = "ascii tokenchars '.,&+#'")
;
