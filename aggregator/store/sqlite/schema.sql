-- The schema of aggregator, version 1. It is a public interface: names are readable, every table says what a row is,
-- and each question people ask has a view. Times are UTC text, `2023-02-02T12:00:00.000000Z`: they sort, and SQLite's
-- date functions read them. Lists are JSON. Statements end with a line that holds only a semicolon.

-- One row: A feed: a URL we poll. What you say in `feeds.yaml` stands first, what polling has taught after it.
CREATE TABLE feeds (
  id              TEXT PRIMARY KEY,             -- the stable name from feeds.yaml
  url             TEXT NOT NULL,
  title           TEXT NOT NULL DEFAULT '',     -- yours; empty when you gave none
  language        TEXT NOT NULL DEFAULT '',     -- yours
  country         TEXT NOT NULL DEFAULT '',     -- yours
  tags            TEXT NOT NULL DEFAULT '[]',   -- JSON list
  interval_seconds INTEGER NOT NULL DEFAULT 3600,  -- how often you want it polled
  articles        TEXT NOT NULL DEFAULT 'never' CHECK (articles IN ('never', 'short', 'all')),  -- `never`, `matched`, `short` or `all`: whose article pages are fetched
  state           TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'ok', 'failing', 'gone', 'paused')),  -- `new`, `ok`, `failing`, `gone` or `paused`
  etag            TEXT NOT NULL DEFAULT '',     -- validator, echoed byte for byte
  last_modified   TEXT NOT NULL DEFAULT '',     -- validator, echoed byte for byte
  body_hash       TEXT NOT NULL DEFAULT '',     -- of the last body that was parsed; the same bytes are not parsed twice
  failures        INTEGER NOT NULL DEFAULT 0,   -- in a row
  failing_since   TEXT,
  error_class     TEXT NOT NULL DEFAULT '',     -- one stable word for what went wrong, else empty
  error           TEXT NOT NULL DEFAULT '',     -- the same in a sentence
  http_status     INTEGER NOT NULL DEFAULT 0,   -- of the last answer
  malformed       TEXT NOT NULL DEFAULT '',     -- why the last document was not well-formed, else empty; its entries are good all the same
  own_title       TEXT NOT NULL DEFAULT '',     -- what the document calls itself
  own_language    TEXT NOT NULL DEFAULT '',
  last_poll_at    TEXT,
  last_ok_at      TEXT,
  next_poll_at    TEXT NOT NULL,                -- when it is due
  held_until      TEXT,                         -- the server's own word (Retry-After, 410): not before this
  claimed_by      TEXT,                         -- who polls it now
  claimed_until   TEXT,                         -- and until when that right lasts
  added_at        TEXT NOT NULL,
  removed_at      TEXT                          -- since when it is no longer in feeds.yaml; its entries stay
)
;
CREATE UNIQUE INDEX feeds_by_url ON feeds (url) WHERE removed_at IS NULL
;
CREATE INDEX feeds_by_next_poll ON feeds (next_poll_at, id)
;

-- One row: Entries, usually of several feeds, telling the same news. The lead is the entry with the lowest id.
CREATE TABLE stories (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  title          TEXT NOT NULL,                 -- the lead's, as first seen; empty while the lead still reads so: the view `story_titles` gives it always
  first_seen_at  TEXT NOT NULL
)
;

-- One row: An entry: one published thing as we keep it, in its current revision. Ids grow and are never given twice.
CREATE TABLE entries (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  feed_id        TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id; where we read it
  story_id       INTEGER NOT NULL REFERENCES stories (id),  -- → stories.id; the news it tells
  story_reason   TEXT NOT NULL DEFAULT 'first',  -- why it belongs to that story: `first`, `url`, `title` or `text`; by hand `merged` or `split`
  story_score    REAL NOT NULL DEFAULT 1,       -- the measure behind the reason, 0 to 1
  guid           TEXT NOT NULL,                 -- the publisher's own identifier, verbatim
  link           TEXT NOT NULL,                 -- the publisher's, made absolute
  title          TEXT NOT NULL,                 -- plain text
  summary        TEXT NOT NULL,                 -- safe HTML
  content        TEXT NOT NULL,                 -- safe HTML
  body           TEXT NOT NULL,                 -- plain text of summary and content: what matching and search read
  author         TEXT NOT NULL,
  categories     TEXT NOT NULL,                 -- JSON list
  enclosures     TEXT NOT NULL DEFAULT '[]',    -- JSON list of {url, type, length}
  language       TEXT NOT NULL,                 -- what the text tells, else as declared; a primary subtag (`be`), or empty
  published_at   TEXT,                          -- as published; empty when the feed does not say
  updated_at     TEXT,                          -- as published
  sort_at        TEXT NOT NULL,                 -- the published time where it can be believed, else first sight
  first_seen_at  TEXT NOT NULL,                 -- when we first saw it; windows, `--since` and search count from here
  revision       INTEGER NOT NULL DEFAULT 1,    -- 1 until its text changes
  fingerprint    TEXT NOT NULL                  -- digest of the text, 32 bytes; a change makes a revision
)
;
CREATE INDEX entries_by_feed ON entries (feed_id, first_seen_at)
;
CREATE INDEX entries_by_story ON entries (story_id)
;
CREATE INDEX entries_by_first_seen ON entries (first_seen_at)
;

-- One row: one of the names by which an entry is recognised in its feed. Keys outlive pruned entries (entry_id NULL),
-- else old items would come back as new.
CREATE TABLE entry_keys (
  feed_id   TEXT NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  kind      TEXT NOT NULL,                      -- id, idnorm, link, hash, titledate
  key       TEXT NOT NULL,
  entry_id  INTEGER REFERENCES entries (id) ON DELETE SET NULL,
  PRIMARY KEY (feed_id, kind, key)
) WITHOUT ROWID
;
CREATE INDEX entry_keys_by_entry ON entry_keys (entry_id)
;

-- One row: An earlier text of an entry.
CREATE TABLE entry_revisions (
  entry_id     INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,  -- → entries.id
  revision     INTEGER NOT NULL,
  title        TEXT NOT NULL,
  link         TEXT NOT NULL,
  summary      TEXT NOT NULL,
  content      TEXT NOT NULL,
  body         TEXT NOT NULL,
  updated_at   TEXT,                            -- as published
  replaced_at  TEXT NOT NULL,                   -- when the next text came
  PRIMARY KEY (entry_id, revision)
) WITHOUT ROWID
;

-- One row: The article page behind an entry, where `articles` of its feed asks for it.
CREATE TABLE articles (
  entry_id       INTEGER PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,  -- → entries.id
  state          TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'given_up')),  -- `due`, `done` or `given_up`
  reach          TEXT NOT NULL CHECK (reach IN ('alert', 'digest', 'none')),  -- how far a match found only there travels
  text           TEXT NOT NULL DEFAULT '',      -- the article's own text, navigation removed
  attempts       INTEGER NOT NULL DEFAULT 0,
  next_at        TEXT NOT NULL,                 -- when it is due
  error          TEXT NOT NULL DEFAULT '',
  fetched_at     TEXT,
  claimed_by     TEXT,                          -- who fetches it now
  claimed_until  TEXT
)
;
CREATE INDEX articles_due ON articles (next_at) WHERE state = 'due'
;

-- One row: a key under which later copies find a story (its canonical URL, its title).
CREATE TABLE story_keys (
  kind      TEXT NOT NULL,                      -- url, title
  key       TEXT NOT NULL,
  entry_id  INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  story_id  INTEGER NOT NULL REFERENCES stories (id),
  PRIMARY KEY (kind, key, entry_id)
) WITHOUT ROWID
;
CREATE INDEX story_keys_by_entry ON story_keys (entry_id)
;
CREATE INDEX story_keys_by_story ON story_keys (story_id)
;

-- One row: A watchlist: a named query that new entries are matched against.
CREATE TABLE watchlists (
  id          TEXT PRIMARY KEY,
  title       TEXT NOT NULL,
  query       TEXT NOT NULL,                    -- its text
  changed_at  TEXT NOT NULL,
  removed_at  TEXT                              -- since when it is no longer in watchlists.yaml; its matches stay
)
;

-- One row: The fact that a revision of an entry satisfies a watchlist, with the words that did it.
CREATE TABLE matches (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  entry_id      INTEGER NOT NULL REFERENCES entries (id),  -- → entries.id
  revision      INTEGER NOT NULL,
  spans         TEXT NOT NULL,                  -- JSON list of {field, start, end, term, alias}: where it stands, in characters
  reach         TEXT NOT NULL CHECK (reach IN ('alert', 'digest', 'none')),  -- `alert`: alerts and digests; `digest`: digests only; `none`: nobody is told (first polls, later revisions)
  matched_at    TEXT NOT NULL,
  UNIQUE (watchlist_id, entry_id, revision)
)
;
CREATE INDEX matches_by_entry ON matches (entry_id)
;
CREATE INDEX matches_by_watchlist ON matches (watchlist_id)
;
CREATE INDEX matches_by_time ON matches (matched_at)
;

-- One row: A digest: a regular publication.
CREATE TABLE digests (
  id             TEXT PRIMARY KEY,
  title          TEXT NOT NULL,
  every          TEXT NOT NULL CHECK (every IN ('instant', 'hourly', 'at')),  -- `instant`, `hourly` or `at`
  at             TEXT NOT NULL DEFAULT '[]',    -- JSON list of local times
  days           TEXT NOT NULL,                 -- JSON list of weekdays
  timezone       TEXT NOT NULL,                 -- IANA name
  empty          TEXT NOT NULL DEFAULT 'send' CHECK (empty IN ('send', 'skip')),  -- `send` or `skip`: what to do when nothing matched
  addresses      TEXT NOT NULL DEFAULT '[]',    -- JSON list: `to` in digests.yaml
  covered_until  TEXT NOT NULL,                 -- where the last window ended and the next begins
  next_at        TEXT NOT NULL,                 -- when the next edition is due
  matches_after  INTEGER NOT NULL DEFAULT 0,    -- every match up to this id is settled for this digest
  added_at       TEXT NOT NULL,
  removed_at     TEXT                           -- since when it is no longer in digests.yaml
)
;
-- One row: Which watchlists a digest covers.
CREATE TABLE digest_watchlists (
  digest_id     TEXT NOT NULL REFERENCES digests (id) ON DELETE CASCADE,  -- → digests.id
  watchlist_id  TEXT NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  position      INTEGER NOT NULL,               -- the order in digests.yaml
  PRIMARY KEY (digest_id, watchlist_id)
) WITHOUT ROWID
;

-- One row: An edition: one issue of a digest, as sent. An alert is an edition whose window is zero.
CREATE TABLE editions (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  digest_id     TEXT NOT NULL REFERENCES digests (id),  -- → digests.id
  key           TEXT NOT NULL,                  -- local time of its end with the offset, of an alert its time and first match; `-lead` or `-title` behind it for readers with that threshold; unique within the digest
  kind          TEXT NOT NULL CHECK (kind IN ('alert', 'digest')),  -- `alert` or `digest`
  title         TEXT NOT NULL,
  window_start  TEXT NOT NULL,
  window_end    TEXT NOT NULL,                  -- the window holds what matched from its start until just before its end
  subject       TEXT NOT NULL,
  stories       INTEGER NOT NULL,               -- how many it tells
  entries       INTEGER NOT NULL,               -- how many entries these stories hold
  composed_at   TEXT NOT NULL,
  mail          BLOB NOT NULL,                  -- the whole message, with placeholders for what differs between recipients
  page          TEXT NOT NULL,                  -- the archive page, HTML
  text          TEXT NOT NULL,                  -- the same as plain text
  data          TEXT NOT NULL,                  -- the same as JSON
  UNIQUE (digest_id, key)
)
;

-- One row: A match settled by a digest: told in an edition, or passed over because its story had been told or was not
-- prominent enough. Each match once for each digest: this is why nobody is told twice.
CREATE TABLE edition_matches (
  digest_id   TEXT NOT NULL REFERENCES digests (id),  -- → digests.id
  match_id    INTEGER NOT NULL REFERENCES matches (id),  -- → matches.id
  edition_id  INTEGER REFERENCES editions (id),  -- → editions.id, the first of its moment that has its story; empty when nothing was sent
  PRIMARY KEY (digest_id, match_id)
) WITHOUT ROWID
;
CREATE INDEX edition_matches_by_match ON edition_matches (match_id)
;

-- One row: An address that asked to be told. After `subscriptions erase` it reads `erased-` and a number.
CREATE TABLE subscribers (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  address   TEXT NOT NULL UNIQUE COLLATE NOCASE,
  added_at  TEXT NOT NULL
)
;
-- One row: Which digest a subscriber wants. An end here wins over `to` in digests.yaml.
CREATE TABLE subscriptions (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  subscriber_id  INTEGER NOT NULL REFERENCES subscribers (id),  -- → subscribers.id
  digest_id      TEXT NOT NULL REFERENCES digests (id),  -- → digests.id
  state          TEXT NOT NULL CHECK (state IN ('pending', 'active', 'paused', 'ended')),  -- `pending`, `active`, `paused` or `ended`
  origin         TEXT NOT NULL CHECK (origin IN ('config', 'operator', 'visitor')),  -- `config`, `operator` or `visitor`
  created_at     TEXT NOT NULL,
  ended_at       TEXT,
  reason         TEXT NOT NULL DEFAULT '',      -- why it ended
  UNIQUE (subscriber_id, digest_id)
)
;

-- One row: What a link in a mail may do. Only the hash is kept. That of an unsubscribe link works for years.
CREATE TABLE tokens (
  hash             TEXT PRIMARY KEY,            -- SHA-256 of the token, hex
  purpose          TEXT NOT NULL,               -- `unsubscribe`, `confirm`, `manage`, `undo` or `refuse`; good for that alone
  subscription_id  INTEGER NOT NULL REFERENCES subscriptions (id),  -- → subscriptions.id
  created_at       TEXT NOT NULL
) WITHOUT ROWID
;

-- One row: An address we must not write to. It is kept as HMAC (key: `var/secret`), so it holds after the address is erased
-- and names nobody.
CREATE TABLE suppressions (
  address_hmac  TEXT PRIMARY KEY,
  reason        TEXT NOT NULL,
  created_at    TEXT NOT NULL
) WITHOUT ROWID
;

-- One row: a message, an edition for one address. The bytes follow from the edition's mail and this row.
CREATE TABLE messages (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  edition_id       INTEGER NOT NULL REFERENCES editions (id),
  subscription_id  INTEGER NOT NULL REFERENCES subscriptions (id),
  address          TEXT NOT NULL,
  token            TEXT NOT NULL,               -- forgotten once the message is settled
  message_id       TEXT NOT NULL UNIQUE,        -- derived: every retry carries the same
  state            TEXT NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'claimed', 'sent', 'unknown', 'dead', 'cancelled')),
  phase            TEXT NOT NULL DEFAULT 'queued' CHECK (phase IN ('queued', 'connect', 'data')),
  attempts         INTEGER NOT NULL DEFAULT 0,
  next_attempt_at  TEXT NOT NULL,
  held_at          TEXT,                        -- after a restore: nothing goes out until a person releases it
  claimed_by       TEXT,
  claimed_until    TEXT,
  error            TEXT NOT NULL DEFAULT '',
  created_at       TEXT NOT NULL,
  settled_at       TEXT,
  UNIQUE (edition_id, subscription_id)
)
;
CREATE INDEX messages_due ON messages (state, next_attempt_at)
;
CREATE INDEX messages_by_subscription ON messages (subscription_id)
;

-- One row: one try at handing a message to a transport.
CREATE TABLE attempts (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id  INTEGER NOT NULL REFERENCES messages (id),
  started_at  TEXT NOT NULL,
  ended_at    TEXT NOT NULL,
  outcome     TEXT NOT NULL,                    -- sent, retry, dead, unknown, cancelled
  phase       TEXT NOT NULL,                    -- how far it came
  code        INTEGER NOT NULL,                 -- the server's reply, 0 when there was none
  detail      TEXT NOT NULL
)
;
CREATE INDEX attempts_by_message ON attempts (message_id)
;

-- One row: What the database knows of itself.
CREATE TABLE facts (
  name   TEXT PRIMARY KEY,                      -- `tokenizer_version`; `pruned_before`, the moment before which entries without a match were pruned; `outage_began_at` while our own network seems to be down; `reindexed_to` (an entry id) and `reindexed_by` (a version) while a new search index is made in `entry_index_next`; `backup_at` and `backup_file`, the last good backup, `backup_tried_at` and `backup_error`, the last try; `backup`, in a copy, which one it is; `held_since` while every edition waits for a person after a restore; `believed_at`, the moment by which old things were last removed, which a wrong clock moves on by a day at a time; `notices_due_at`, the moment whose daily mail of notices has been seen to; `index_merged_at`, when the index last gave back what it kept of entries that are gone, and `index_merging` while it does; `moved_to`, when and to which server all of it moved from this file, and `moved_from`, on that server, when, and a mark of what was copied; `installation_mark`, on a server, by which the secret of all who share it is known
  value  TEXT NOT NULL
) WITHOUT ROWID
;

-- The search index: rowid is entries.id; it is fed our own tokens, joined by blanks, and only proposes candidates.
CREATE VIRTUAL TABLE entry_index USING fts5 (title, body, article, tokenize = "ascii tokenchars '.,&+#'")
;

-- How is each feed doing?
CREATE VIEW feed_health AS
SELECT f.id AS feed_id, coalesce(nullif(f.title, ''), nullif(f.own_title, ''), f.id) AS title, f.url, f.state,
       f.error_class, f.error, f.failures, f.failing_since, f.malformed, f.last_ok_at, f.next_poll_at,
       (SELECT count(*) FROM entries e WHERE e.feed_id = f.id) AS entries,
       (SELECT max(e.first_seen_at) FROM entries e WHERE e.feed_id = f.id) AS newest_entry_at
FROM feeds f WHERE f.removed_at IS NULL ORDER BY f.state = 'ok', f.id
;

-- How often did each watchlist match, day by day (UTC)?
-- Example: SELECT day, stories, feeds FROM matches_by_watchlist_and_day WHERE watchlist_id = 'csto' ORDER BY day DESC LIMIT 14;
CREATE VIEW matches_by_watchlist_and_day AS
SELECT m.watchlist_id, date(e.sort_at) AS day, count(DISTINCT m.entry_id) AS entries,
       count(DISTINCT e.story_id) AS stories, count(DISTINCT e.feed_id) AS feeds
FROM matches m JOIN entries e ON e.id = m.entry_id GROUP BY m.watchlist_id, day
;

-- Which entries matched which watchlist? Newest first.
-- Example: SELECT sort_at, feed_id, title, link FROM matched_entries WHERE watchlist_id = 'csto' LIMIT 20;
CREATE VIEW matched_entries AS
SELECT m.watchlist_id, e.sort_at, e.title, e.feed_id, e.link, m.reach, m.matched_at, m.spans, m.entry_id, e.story_id
FROM matches m JOIN entries e ON e.id = m.entry_id ORDER BY m.id DESC
;

-- Which stories do several feeds carry, and since when?
CREATE VIEW story_outlets AS
SELECT s.id AS story_id, s.title, s.first_seen_at, count(*) AS entries, count(DISTINCT e.feed_id) AS feeds,
       group_concat(DISTINCT e.feed_id) AS feed_ids
FROM stories s JOIN entries e ON e.story_id = s.id GROUP BY s.id ORDER BY feeds DESC, s.id DESC
;

-- What did each edition tell?
CREATE VIEW edition_stories AS
SELECT DISTINCT ed.digest_id, ed.key, ed.id AS edition_id, m.watchlist_id, e.story_id, s.title
FROM edition_matches em JOIN editions ed ON ed.id = em.edition_id JOIN matches m ON m.id = em.match_id
JOIN entries e ON e.id = m.entry_id JOIN stories s ON s.id = e.story_id
;

-- Which messages are not settled yet, and why?
CREATE VIEW outbox AS
SELECT m.id, ed.digest_id, ed.subject, m.address, m.state, m.phase, m.attempts, m.next_attempt_at, m.held_at, m.error
FROM messages m JOIN editions ed ON ed.id = m.edition_id
WHERE m.state IN ('waiting', 'claimed', 'unknown', 'dead') ORDER BY m.next_attempt_at
;
