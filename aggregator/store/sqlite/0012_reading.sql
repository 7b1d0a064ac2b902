-- One row: How many entries of a feed in a language are dated on a day.
CREATE TABLE entry_counts (
  feed_id   TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  day       TEXT NOT NULL,                      -- UTC
  language  TEXT NOT NULL,
  entries   INTEGER NOT NULL,
  PRIMARY KEY (feed_id, day, language)
) WITHOUT ROWID
;
-- One row: The same of all feeds and languages.
CREATE TABLE day_counts (
  day      TEXT NOT NULL PRIMARY KEY,           -- UTC
  entries  INTEGER NOT NULL
) WITHOUT ROWID
;
-- One row: How many entries of a feed in a language, dated in an hour, matched a watchlist.
CREATE TABLE match_counts (
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  hour          TEXT NOT NULL,                  -- UTC, `2026-11-27T07`
  feed_id       TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  language      TEXT NOT NULL,
  entries       INTEGER NOT NULL,
  PRIMARY KEY (watchlist_id, hour, feed_id, language)
) WITHOUT ROWID
;
-- One row: `entry_counts` of a whole month: a year is read as eleven months and some days.
CREATE TABLE entry_months (
  feed_id   TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  month     TEXT NOT NULL,                      -- UTC, `2026-11`
  language  TEXT NOT NULL,
  entries   INTEGER NOT NULL,
  PRIMARY KEY (feed_id, month, language)
) WITHOUT ROWID
;
-- One row: `match_counts` of a day, all feeds and languages.
CREATE TABLE match_days (
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  day           TEXT NOT NULL,                  -- UTC
  entries       INTEGER NOT NULL,
  PRIMARY KEY (watchlist_id, day)
) WITHOUT ROWID
;
-- One row: `match_counts` of a whole month.
CREATE TABLE match_months (
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  month         TEXT NOT NULL,                  -- UTC, `2026-11`
  feed_id       TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  language      TEXT NOT NULL,
  entries       INTEGER NOT NULL,
  PRIMARY KEY (watchlist_id, month, feed_id, language)
) WITHOUT ROWID
;
-- One row: How often a feed was asked on a day, and how often it answered. `prune` forgets days of more than 400 days ago
-- (or `retention.entries`, where that is more).
CREATE TABLE feed_days (
  feed_id      TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  day          TEXT NOT NULL,                   -- UTC
  polls        INTEGER NOT NULL,
  answered     INTEGER NOT NULL,                -- with a document, or the word that nothing is new
  first_ok_at  TEXT,                            -- the first answer of the day
  last_ok_at   TEXT,                            -- the last one
  PRIMARY KEY (feed_id, day)
) WITHOUT ROWID
;
-- One row: How many polls an hour had, and how many were answered: where few were, nothing can be said of what came. Kept as
-- long as `feed_days`.
CREATE TABLE poll_hours (
  hour      TEXT NOT NULL PRIMARY KEY,          -- UTC, `2026-11-27T07`
  polls     INTEGER NOT NULL,
  answered  INTEGER NOT NULL
) WITHOUT ROWID
;
-- One row: A watchlist that got far more than its own week lets expect (`burst`), or a usually busy watchlist or feed that
-- fell silent.
CREATE TABLE signals (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  kind          TEXT NOT NULL CHECK (kind IN ('burst', 'silence')),  -- `burst` or `silence`
  watchlist_id  TEXT REFERENCES watchlists (id),  -- → watchlists.id; or
  feed_id       TEXT REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  began_at      TEXT NOT NULL,
  found_at      TEXT NOT NULL,
  ended_at      TEXT,                           -- empty while it lasts
  observed      INTEGER NOT NULL,               -- entries there were from `began_at` to `found_at`
  expected      REAL NOT NULL,                  -- entries there usually are: of a burst in the same hours of the week, of a silence in a day
  detail        TEXT NOT NULL,                  -- of a silent watchlist: how many of its feeds fail or are paused
  CHECK ((watchlist_id IS NULL) != (feed_id IS NULL))
)
;
CREATE INDEX signals_open ON signals (ended_at)
;
CREATE INDEX signals_by_time ON signals (found_at)
;
-- One row: An edition that told the readers of a digest of a signal; each digest tells it once.
CREATE TABLE signal_tellings (
  signal_id   INTEGER NOT NULL REFERENCES signals (id),  -- → signals.id
  digest_id   TEXT NOT NULL REFERENCES digests (id),  -- → digests.id
  edition_id  INTEGER NOT NULL REFERENCES editions (id),  -- → editions.id, the first of its moment
  PRIMARY KEY (signal_id, digest_id)
) WITHOUT ROWID
;
-- One row: Who may do what on the pages and the programming interface. Only hashes are kept.
CREATE TABLE credentials (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  purpose     TEXT NOT NULL CHECK (purpose IN ('link', 'session', 'api')),  -- `link` (signs in once), `session` or `api`
  hash        TEXT NOT NULL UNIQUE,             -- SHA-256 of the token, hex
  name        TEXT NOT NULL,                    -- what the operator calls it
  scopes      TEXT NOT NULL,                    -- JSON list: what an `api` token may do
  created_at  TEXT NOT NULL,
  expires_at  TEXT,                             -- until when it is good; empty: until taken back
  used_at     TEXT,                             -- when it was last used
  ended_at    TEXT                              -- when it was taken back
)
;
-- Of article pages few are given up: those are looked for by when.
CREATE INDEX articles_given_up ON articles (fetched_at) WHERE state = 'given_up'
;
INSERT INTO entry_counts (feed_id, day, language, entries)
SELECT feed_id, substr(sort_at, 1, 10), language, count(*) FROM entries GROUP BY 1, 2, 3
;
INSERT INTO day_counts (day, entries) SELECT day, sum(entries) FROM entry_counts GROUP BY day
;
INSERT INTO match_counts (watchlist_id, hour, feed_id, language, entries)
SELECT m.watchlist_id, substr(e.sort_at, 1, 13), e.feed_id, e.language, count(DISTINCT m.entry_id)
FROM matches m JOIN entries e ON e.id = m.entry_id GROUP BY 1, 2, 3, 4
;
INSERT INTO entry_months (feed_id, month, language, entries)
SELECT feed_id, substr(day, 1, 7), language, sum(entries) FROM entry_counts GROUP BY 1, 2, 3
;
INSERT INTO match_days (watchlist_id, day, entries)
SELECT watchlist_id, substr(hour, 1, 10), sum(entries) FROM match_counts GROUP BY 1, 2
;
INSERT INTO match_months (watchlist_id, month, feed_id, language, entries)
SELECT watchlist_id, substr(hour, 1, 7), feed_id, language, sum(entries) FROM match_counts GROUP BY 1, 2, 3, 4
;

-- How much attention does a watchlist get, day by day (UTC), and what share of all entries is that?
-- all_entries: dated on that day, of every feed
-- share: 0 to 1
-- Example: SELECT day, entries, share FROM attention WHERE watchlist_id = 'csto' AND day > date('now', '-30 days');
CREATE VIEW attention AS
SELECT c.watchlist_id, c.day, c.entries, d.entries AS all_entries, round(1.0 * c.entries / d.entries, 6) AS share
FROM match_days c JOIN day_counts d ON d.day = c.day
;
-- Which feeds, languages and countries give it?
-- Example: SELECT feed_id, sum(entries) FROM attention_by_feed WHERE watchlist_id = 'csto' GROUP BY feed_id ORDER BY 2 DESC;
CREATE VIEW attention_by_feed AS
SELECT c.watchlist_id, substr(c.hour, 1, 10) AS day, c.feed_id, f.country, c.language, sum(c.entries) AS entries
FROM match_counts c JOIN feeds f ON f.id = c.feed_id GROUP BY c.watchlist_id, substr(c.hour, 1, 10), c.feed_id, c.language
;
-- Which watchlists and feeds are, or were, out of their own rhythm? Newest first.
-- feed_id: one of both
-- ended_at: empty while it lasts
-- expected: of a burst usual in the same hours, of a silence in a day
-- told_in: the digests that have told it, joined by commas
-- Example: SELECT title, kind, began_at, observed, expected, told_in FROM bursts_and_silences WHERE ended_at IS NULL;
CREATE VIEW bursts_and_silences AS
SELECT s.id AS signal_id, s.kind, s.watchlist_id, s.feed_id,
       coalesce(w.title, nullif(f.title, ''), nullif(f.own_title, ''), s.feed_id) AS title,
       s.began_at, s.found_at, s.ended_at, s.observed, s.expected, s.detail,
       (SELECT group_concat(t.digest_id, ',') FROM signal_tellings t WHERE t.signal_id = s.id) AS told_in
FROM signals s LEFT JOIN watchlists w ON w.id = s.watchlist_id LEFT JOIN feeds f ON f.id = s.feed_id ORDER BY s.id DESC
