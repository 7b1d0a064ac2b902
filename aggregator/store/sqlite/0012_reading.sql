-- One row: how many entries of a feed in a language are dated on a day (UTC). Counted at first sight, kept when they are pruned.
CREATE TABLE entry_counts (
  feed_id   TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  day       TEXT NOT NULL,
  language  TEXT NOT NULL,
  entries   INTEGER NOT NULL,
  PRIMARY KEY (feed_id, day, language)
) WITHOUT ROWID
;
-- One row: the same of all feeds and languages: what shares of attention are shares of.
CREATE TABLE day_counts (
  day      TEXT NOT NULL PRIMARY KEY,
  entries  INTEGER NOT NULL
) WITHOUT ROWID
;
-- One row: how many entries of a feed in a language, dated in an hour (UTC, `2026-11-27T07`), matched a watchlist.
CREATE TABLE match_counts (
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),
  hour          TEXT NOT NULL,
  feed_id       TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  language      TEXT NOT NULL,
  entries       INTEGER NOT NULL,
  PRIMARY KEY (watchlist_id, hour, feed_id, language)
) WITHOUT ROWID
;
-- One row: entry_counts of a whole month (UTC, `2026-11`), so that a year is read in a moment.
CREATE TABLE entry_months (
  feed_id   TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  month     TEXT NOT NULL,
  language  TEXT NOT NULL,
  entries   INTEGER NOT NULL,
  PRIMARY KEY (feed_id, month, language)
) WITHOUT ROWID
;
-- One row: match_counts of a day (UTC), all feeds and languages.
CREATE TABLE match_days (
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),
  day           TEXT NOT NULL,
  entries       INTEGER NOT NULL,
  PRIMARY KEY (watchlist_id, day)
) WITHOUT ROWID
;
-- One row: match_counts of a whole month (UTC, `2026-11`).
CREATE TABLE match_months (
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),
  month         TEXT NOT NULL,
  feed_id       TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  language      TEXT NOT NULL,
  entries       INTEGER NOT NULL,
  PRIMARY KEY (watchlist_id, month, feed_id, language)
) WITHOUT ROWID
;
-- One row: how often a feed was asked on a day (UTC), and answered: only where it was read does its silence say anything.
CREATE TABLE feed_days (
  feed_id      TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  day          TEXT NOT NULL,
  polls        INTEGER NOT NULL,
  answered     INTEGER NOT NULL,
  first_ok_at  TEXT,
  last_ok_at   TEXT,
  PRIMARY KEY (feed_id, day)
) WITHOUT ROWID
;
-- One row: how many polls an hour (UTC) had, and how many were answered: where few were, nothing can be said of what came.
CREATE TABLE poll_hours (
  hour      TEXT NOT NULL PRIMARY KEY,
  polls     INTEGER NOT NULL,
  answered  INTEGER NOT NULL
) WITHOUT ROWID
;
-- One row: a watchlist that got far more than its own week lets expect, or a watchlist or feed that fell silent.
CREATE TABLE signals (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  kind          TEXT NOT NULL CHECK (kind IN ('burst', 'silence')),
  watchlist_id  TEXT REFERENCES watchlists (id),
  feed_id       TEXT REFERENCES feeds (id) ON UPDATE CASCADE,
  began_at      TEXT NOT NULL,
  found_at      TEXT NOT NULL,
  ended_at      TEXT,
  observed      INTEGER NOT NULL,
  expected      REAL NOT NULL,
  detail        TEXT NOT NULL,
  CHECK ((watchlist_id IS NULL) != (feed_id IS NULL))
)
;
CREATE INDEX signals_open ON signals (ended_at)
;
CREATE INDEX signals_by_time ON signals (found_at)
;
-- One row: an edition that told the readers of a digest of a signal; each digest tells it once.
CREATE TABLE signal_tellings (
  signal_id   INTEGER NOT NULL REFERENCES signals (id),
  digest_id   TEXT NOT NULL REFERENCES digests (id),
  edition_id  INTEGER NOT NULL REFERENCES editions (id),
  PRIMARY KEY (signal_id, digest_id)
) WITHOUT ROWID
;
-- One row: a right to the pages or the programming interface: a one-time link to sign in, a session, a token. The hash alone is kept.
CREATE TABLE credentials (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  purpose     TEXT NOT NULL CHECK (purpose IN ('link', 'session', 'api')),
  hash        TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL,
  scopes      TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  expires_at  TEXT,
  used_at     TEXT,
  ended_at    TEXT
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

-- How much attention did a watchlist get, day by day (UTC): entries that matched, and as a share of all entries of the day?
CREATE VIEW attention AS
SELECT c.watchlist_id, c.day, c.entries, d.entries AS all_entries, round(1.0 * c.entries / d.entries, 6) AS share
FROM match_days c JOIN day_counts d ON d.day = c.day
;
-- Which feeds gave a watchlist its attention, day by day?
CREATE VIEW attention_by_feed AS
SELECT c.watchlist_id, substr(c.hour, 1, 10) AS day, c.feed_id, f.country, c.language, sum(c.entries) AS entries
FROM match_counts c JOIN feeds f ON f.id = c.feed_id GROUP BY c.watchlist_id, substr(c.hour, 1, 10), c.feed_id, c.language
;
-- What was out of its own rhythm, which digests told it, and what lasts (`ended_at` is NULL)? Newest first.
CREATE VIEW bursts_and_silences AS
SELECT s.id AS signal_id, s.kind, s.watchlist_id, s.feed_id,
       coalesce(w.title, nullif(f.title, ''), nullif(f.own_title, ''), s.feed_id) AS title,
       s.began_at, s.found_at, s.ended_at, s.observed, s.expected, s.detail,
       (SELECT group_concat(t.digest_id, ',') FROM signal_tellings t WHERE t.signal_id = s.id) AS told_in
FROM signals s LEFT JOIN watchlists w ON w.id = s.watchlist_id LEFT JOIN feeds f ON f.id = s.feed_id ORDER BY s.id DESC
