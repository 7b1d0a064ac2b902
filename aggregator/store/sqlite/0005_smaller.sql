-- Texts are kept once (docs/decisions/0011). What needs more than SQL is in migrations.py; it runs in the middle.

-- summary and content, safe HTML, packed beside `body` (below); NULL where there are none
ALTER TABLE entries ADD COLUMN markup BLOB
;
ALTER TABLE entries RENAME COLUMN fingerprint TO fingerprint_hex
;
-- digest of the text, 32 bytes; a change makes a revision
ALTER TABLE entries ADD COLUMN fingerprint BLOB NOT NULL DEFAULT x''
;
-- its summary and content, packed beside its `body`
ALTER TABLE entry_revisions ADD COLUMN markup BLOB
;
ALTER TABLE story_keys RENAME TO story_keys_before
;

-- One row: A key under which later copies find a story. `aggregator prune` removes those of pruned entries and those older
-- than 30 days; marks of texts go after three days by themselves.
CREATE TABLE story_keys (
  kind      TEXT NOT NULL,                      -- `url` (canonical), `title` (folded words) or `text` (a mark: the checksum of three words of the body)
  key       BLOB NOT NULL,                      -- BLAKE2b of its text, nine bytes
  entry_id  INTEGER NOT NULL,                   -- → entries.id; the entry that brought it, whose story it is
  PRIMARY KEY (kind, key, entry_id)
) WITHOUT ROWID
;

-- One row: One of the names by which an entry is recognised in its feed. Keys outlive pruned entries, or else old items
-- would come back as new.
CREATE TABLE entry_keys_after (
  feed_id   TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  kind      TEXT NOT NULL,                      -- `id`, `idnorm`, `link`, `hash`, `titledate` or `text`
  key       TEXT NOT NULL,
  entry_id  INTEGER,                            -- → entries.id; once the entry is pruned there is none of that id, and never will be
  PRIMARY KEY (feed_id, kind, key)
) WITHOUT ROWID
;
INSERT INTO entry_keys_after SELECT feed_id, kind, key, entry_id FROM entry_keys
;
DROP TABLE entry_keys
;
ALTER TABLE entry_keys_after RENAME TO entry_keys
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
-- Example: SELECT title FROM story_titles WHERE story_id = 1;
CREATE VIEW story_titles AS
SELECT s.id AS story_id, coalesce(nullif(s.title, ''), (
         SELECT iif(e.title != '', e.title, substr(e.body, 1, 120)) FROM entries e WHERE e.story_id = s.id ORDER BY e.id LIMIT 1
       )) AS title, s.first_seen_at
FROM stories s
;

-- Which stories do several feeds carry? The widest first.
-- feeds: how many
-- feed_ids: joined by commas
-- Example: SELECT title, feeds, feed_ids FROM story_outlets WHERE first_seen_at > date('now', '-1 day') LIMIT 20;
CREATE VIEW story_outlets AS
SELECT s.story_id, s.title, s.first_seen_at, count(*) AS entries, count(DISTINCT e.feed_id) AS feeds,
       group_concat(DISTINCT e.feed_id) AS feed_ids
FROM story_titles s JOIN entries e ON e.story_id = s.story_id GROUP BY s.story_id ORDER BY feeds DESC, s.story_id DESC
;

-- What did each edition tell?
-- Example: SELECT key, title FROM edition_stories WHERE digest_id = 'morning' ORDER BY edition_id DESC;
CREATE VIEW edition_stories AS
SELECT DISTINCT ed.digest_id, ed.key, ed.id AS edition_id, m.watchlist_id, e.story_id, s.title
FROM edition_matches em JOIN editions ed ON ed.id = em.edition_id JOIN matches m ON m.id = em.match_id
JOIN entries e ON e.id = m.entry_id JOIN story_titles s ON s.story_id = e.story_id
;
DROP TABLE entry_index
;

-- One row: The search index (FTS5); `rowid` is `entries.id`. It is fed our own tokens joined by blanks and only proposes:
-- whether an entry satisfies a query is decided by the same code that matches live. It keeps no text: its columns read as
-- NULL, ask it with `MATCH`.
CREATE VIRTUAL TABLE entry_index USING fts5 (title, body, article, content = '', columnsize = 0, tokenize = "ascii tokenchars '.,&+#'")
;
