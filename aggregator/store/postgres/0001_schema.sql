-- The schema on PostgreSQL, as SQLite has it after its migration 0013: the same tables, columns and views, described in
-- docs/schema.md. Times are text that sorts and lists are JSON text, as there, so that both engines give the same rows. Statements
-- end with a line that holds only a semicolon.

-- What the shared statements ask of SQLite and PostgreSQL calls otherwise. NULL beside anything is NULL, as SQLite has it.
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)
;
CREATE FUNCTION iif(boolean, anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT CASE WHEN $1 THEN $2 ELSE $3 END'
;
CREATE FUNCTION min(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE least($1, $2) END'
;
CREATE FUNCTION max(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE greatest($1, $2) END'
;
CREATE FUNCTION max(anycompatible, anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT CASE WHEN $1 IS NULL OR $2 IS NULL OR $3 IS NULL THEN NULL ELSE greatest($1, $2, $3) END'
;
CREATE FUNCTION instr(text, text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT strpos($1, $2)'
;
CREATE FUNCTION round(double precision, integer) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT round($1::numeric, $2)::double precision'
;
CREATE FUNCTION julianday(text) RETURNS double precision LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT extract(epoch FROM $1::timestamptz)::double precision / 86400 + 2440587.5'
;
CREATE FUNCTION json_each(list text) RETURNS TABLE (value text) LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20
AS 'SELECT * FROM jsonb_array_elements_text(list::jsonb)'
;
CREATE FUNCTION json_extract(document text, path text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT jsonb_path_query_first(document::jsonb, path::jsonpath) #>> ''{}'''
;
-- One row: A range of entries' ids whose words stand in a table of their own.
CREATE TABLE word_chunks (
  number    BIGINT PRIMARY KEY,                 -- its table is entry_words_NUMBER: entry_id, and the tokens of the entry as tsvector
  unsure    BIGINT NOT NULL DEFAULT 0           -- 1: of some of its entries the tokens do not fit into a tsvector; those are always looked at
)
;
CREATE TABLE feeds (
  id              TEXT COLLATE "C" PRIMARY KEY,             -- the stable name from feeds.yaml
  url             TEXT COLLATE "C" NOT NULL,
  title           TEXT COLLATE "C" NOT NULL DEFAULT '',     -- yours; empty when you gave none
  language        TEXT COLLATE "C" NOT NULL DEFAULT '',     -- yours
  country         TEXT COLLATE "C" NOT NULL DEFAULT '',     -- yours
  tags            TEXT COLLATE "C" NOT NULL DEFAULT '[]',   -- JSON list
  interval_seconds BIGINT NOT NULL DEFAULT 3600,  -- how often you want it polled
  state           TEXT COLLATE "C" NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'ok', 'failing', 'gone', 'paused')),  -- `new`, `ok`, `failing`, `gone` or `paused`
  etag            TEXT COLLATE "C" NOT NULL DEFAULT '',     -- validator, echoed byte for byte
  last_modified   TEXT COLLATE "C" NOT NULL DEFAULT '',     -- validator, echoed byte for byte
  body_hash       TEXT COLLATE "C" NOT NULL DEFAULT '',     -- of the last body that was parsed; the same bytes are not parsed twice
  failures        BIGINT NOT NULL DEFAULT 0,   -- in a row
  failing_since   TEXT COLLATE "C",
  error_class     TEXT COLLATE "C" NOT NULL DEFAULT '',     -- one stable word for what went wrong, else empty
  error           TEXT COLLATE "C" NOT NULL DEFAULT '',     -- the same in a sentence
  http_status     BIGINT NOT NULL DEFAULT 0,   -- of the last answer
  malformed       TEXT COLLATE "C" NOT NULL DEFAULT '',     -- why the last document was not well-formed, else empty; its entries are good all the same
  own_title       TEXT COLLATE "C" NOT NULL DEFAULT '',     -- what the document calls itself
  own_language    TEXT COLLATE "C" NOT NULL DEFAULT '',
  last_poll_at    TEXT COLLATE "C",
  last_ok_at      TEXT COLLATE "C",
  next_poll_at    TEXT COLLATE "C" NOT NULL,                -- when it is due
  held_until      TEXT COLLATE "C",                         -- the server's own word (Retry-After, 410): not before this
  claimed_by      TEXT COLLATE "C",                         -- who polls it now
  claimed_until   TEXT COLLATE "C",                         -- and until when that right lasts
  added_at        TEXT COLLATE "C" NOT NULL,
  removed_at      TEXT COLLATE "C",  -- since when it is no longer in feeds.yaml; its entries stay
  use_hints BIGINT NOT NULL DEFAULT 1,
  next_poll_reason TEXT COLLATE "C" NOT NULL DEFAULT '',
  hints TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  news_at TEXT COLLATE "C",
  looked_at TEXT COLLATE "C",
  frozen_at TEXT COLLATE "C",
  quiet_polls BIGINT NOT NULL DEFAULT 0,
  rhythm_seconds BIGINT,
  window_seconds BIGINT,
  moved_url TEXT COLLATE "C" NOT NULL DEFAULT '',
  move_target TEXT COLLATE "C" NOT NULL DEFAULT '',
  move_polls BIGINT NOT NULL DEFAULT 0,
  move_refused TEXT COLLATE "C" NOT NULL DEFAULT '',
  host TEXT COLLATE "C" NOT NULL DEFAULT '',
  held_by TEXT COLLATE "C" NOT NULL DEFAULT '',
  items BIGINT NOT NULL DEFAULT 0,
  interrupted BIGINT NOT NULL DEFAULT 0,
  articles TEXT COLLATE "C" NOT NULL DEFAULT 'never'
  CHECK (articles IN ('never', 'matched', 'short', 'all')), excerpt BIGINT, certificate_until TEXT COLLATE "C", format TEXT COLLATE "C" NOT NULL DEFAULT '')
;
CREATE TABLE stories (
  id             BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  title          TEXT COLLATE "C" NOT NULL,                 -- the lead's, as first seen; empty while the lead still reads so: the view `story_titles` gives it always
  first_seen_at  TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE watchlists (
  id          TEXT COLLATE "C" PRIMARY KEY,
  title       TEXT COLLATE "C" NOT NULL,
  query       TEXT COLLATE "C" NOT NULL,                    -- its text
  changed_at  TEXT COLLATE "C" NOT NULL,
  removed_at  TEXT COLLATE "C",  -- since when it is no longer in watchlists.yaml; its matches stay
  origin TEXT COLLATE "C" NOT NULL DEFAULT 'config' CHECK (origin IN ('config', 'reader')))
;
CREATE TABLE digests (
  id             TEXT COLLATE "C" PRIMARY KEY,
  title          TEXT COLLATE "C" NOT NULL,
  every          TEXT COLLATE "C" NOT NULL CHECK (every IN ('instant', 'hourly', 'at')),  -- `instant`, `hourly` or `at`
  at             TEXT COLLATE "C" NOT NULL DEFAULT '[]',    -- JSON list of local times
  days           TEXT COLLATE "C" NOT NULL,                 -- JSON list of weekdays
  timezone       TEXT COLLATE "C" NOT NULL,                 -- IANA name
  empty          TEXT COLLATE "C" NOT NULL DEFAULT 'send' CHECK (empty IN ('send', 'skip')),  -- `send` or `skip`: what to do when nothing matched
  addresses      TEXT COLLATE "C" NOT NULL DEFAULT '[]',    -- JSON list: `to` in digests.yaml
  covered_until  TEXT COLLATE "C" NOT NULL,                 -- where the last window ended and the next begins
  next_at        TEXT COLLATE "C" NOT NULL,                 -- when the next edition is due
  matches_after  BIGINT NOT NULL DEFAULT 0,    -- every match up to this id is settled for this digest
  added_at       TEXT COLLATE "C" NOT NULL,
  removed_at     TEXT COLLATE "C",  -- since when it is no longer in digests.yaml
  prominence TEXT COLLATE "C" NOT NULL DEFAULT 'any' CHECK (prominence IN ('any', 'lead', 'title')),
  origin TEXT COLLATE "C" NOT NULL DEFAULT 'config' CHECK (origin IN ('config', 'reader')),
  wait_seconds BIGINT NOT NULL DEFAULT 0,
  most BIGINT NOT NULL DEFAULT 0,
  quiet TEXT COLLATE "C" NOT NULL DEFAULT '',
  held_until TEXT COLLATE "C",
  held_match BIGINT NOT NULL DEFAULT 0)
;
CREATE TABLE subscribers (
  id        BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  address   TEXT COLLATE nocase NOT NULL UNIQUE,
  added_at  TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE suppressions (
  address_hmac  TEXT COLLATE "C" PRIMARY KEY,
  reason        TEXT COLLATE "C" NOT NULL,
  created_at    TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE facts (
  name   TEXT COLLATE "C" PRIMARY KEY,                      -- `tokenizer_version`; `pruned_before`, the moment before which entries without a match were pruned; `outage_began_at` while our own network seems to be down; `reindexed_to` (an entry id) and `reindexed_by` (a version) while a new search index is made in `entry_index_next`; `backup_at` and `backup_file`, the last good backup, `backup_tried_at` and `backup_error`, the last try; `backup`, in a copy, which one it is; `held_since` while every edition waits for a person after a restore; `believed_at`, the moment by which old things were last removed, which a wrong clock moves on by a day at a time; `notices_due_at`, the moment whose daily mail of notices has been seen to; `index_merged_at`, when the index last gave back what it kept of entries that are gone, and `index_merging` while it does; `moved_to`, when and to which server all of it moved from this file, and `moved_from`, on that server, when, and a mark of what was copied; `installation_mark`, on a server, by which the secret of all who share it is known
  value  TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE workers (
  name        TEXT COLLATE "C" PRIMARY KEY,
  host        TEXT COLLATE "C" NOT NULL,
  pid         BIGINT NOT NULL,
  version     TEXT COLLATE "C" NOT NULL,
  lines       TEXT COLLATE "C" NOT NULL,
  leads       BIGINT NOT NULL DEFAULT 0,
  started_at  TEXT COLLATE "C" NOT NULL,
  beat_at     TEXT COLLATE "C" NOT NULL,
  counts      TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  health      TEXT COLLATE "C" NOT NULL DEFAULT '{}'
)
;
CREATE TABLE host_claims (
  host           TEXT COLLATE "C" PRIMARY KEY,
  claimed_by     TEXT COLLATE "C",
  claimed_until  TEXT COLLATE "C",
  rests_until    TEXT COLLATE "C"
)
;
CREATE TABLE hosts (
  host        TEXT COLLATE "C" PRIMARY KEY,                 -- scheme, name and port
  held_until  TEXT COLLATE "C" NOT NULL,                    -- not before this
  said_by     TEXT COLLATE "C" NOT NULL,                    -- the feed whose poll was told so last
  said_at     TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE story_keys (
  kind      TEXT COLLATE "C" NOT NULL,                      -- `url` (canonical), `title` (folded words) or `text` (a mark: the checksum of three words of the body)
  key       BYTEA NOT NULL,                      -- BLAKE2b of its text, nine bytes
  entry_id  BIGINT NOT NULL,                   -- → entries.id; the entry that brought it, whose story it is
  PRIMARY KEY (kind, key, entry_id)
)
;
CREATE TABLE requests (
  id            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  at            TEXT COLLATE "C" NOT NULL,
  address_hmac  TEXT COLLATE "C" NOT NULL,                  -- of the mailbox, however it is spelt
  domain_hmac   TEXT COLLATE "C" NOT NULL,
  network_hmac  TEXT COLLATE "C" NOT NULL,
  answered      BIGINT NOT NULL DEFAULT 0      -- 1: a letter went out for it
)
;
CREATE TABLE bounces (
  id            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  address_hmac  TEXT COLLATE "C" NOT NULL,
  at            TEXT COLLATE "C" NOT NULL,
  kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('hard', 'soft', 'complaint')),  -- `hard`, `soft` or `complaint`
  status        TEXT COLLATE "C" NOT NULL DEFAULT '',       -- such as 5.1.1 (RFC 3463)
  detail        TEXT COLLATE "C" NOT NULL DEFAULT ''        -- the server’s words, without addresses
)
;
CREATE TABLE relays (
  name           TEXT COLLATE "C" PRIMARY KEY,              -- `mail`, or the channel: `channel:newsdesk`
  failures       BIGINT NOT NULL,              -- in a row
  failing_since  TEXT COLLATE "C" NOT NULL,
  paused_until   TEXT COLLATE "C" NOT NULL,
  error_class    TEXT COLLATE "C" NOT NULL,
  error          TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE day_counts (
  day      TEXT COLLATE "C" NOT NULL PRIMARY KEY,           -- UTC
  entries  BIGINT NOT NULL
)
;
CREATE TABLE poll_hours (
  hour      TEXT COLLATE "C" NOT NULL PRIMARY KEY,          -- UTC, `2026-11-27T07`
  polls     BIGINT NOT NULL,
  answered  BIGINT NOT NULL
)
;
CREATE TABLE credentials (
  id          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  purpose     TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('link', 'session', 'api')),  -- `link` (signs in once), `session` or `api`
  hash        TEXT COLLATE "C" NOT NULL UNIQUE,             -- SHA-256 of the token, hex
  name        TEXT COLLATE "C" NOT NULL,                    -- what the operator calls it
  scopes      TEXT COLLATE "C" NOT NULL,                    -- JSON list: what an `api` token may do
  created_at  TEXT COLLATE "C" NOT NULL,
  expires_at  TEXT COLLATE "C",                             -- until when it is good; empty: until taken back
  used_at     TEXT COLLATE "C",                             -- when it was last used
  ended_at    TEXT COLLATE "C"                              -- when it was taken back
)
;
CREATE TABLE notices (
  about     TEXT COLLATE "C" NOT NULL PRIMARY KEY,          -- the thing and what is wrong with it: `feed:belta-en:failing`
  level     TEXT COLLATE "C" NOT NULL CHECK (level IN ('error', 'warning')),  -- `error` or `warning`
  what      TEXT COLLATE "C" NOT NULL,
  "do"      TEXT COLLATE "C" NOT NULL,                      -- what to do
  began_at  TEXT COLLATE "C" NOT NULL,
  told_at   TEXT COLLATE "C",                               -- when a mail said so; NULL: none has yet
  ended_at  TEXT COLLATE "C"                                -- first not found any more; the row goes once its end was told
)
;
CREATE TABLE letters (
  id          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  kind        TEXT COLLATE "C" NOT NULL CHECK (kind IN ('confirm', 'manage', 'notice')), -- `confirm`, `manage` or `notice`
  subject     TEXT COLLATE "C" NOT NULL,
  mail        BYTEA NOT NULL,                    -- the whole message, with placeholders
  created_at  TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE entry_days (
  day            TEXT COLLATE "C" NOT NULL PRIMARY KEY,     -- UTC
  last_entry_id  BIGINT NOT NULL
)
;
CREATE TABLE entries (
  id             BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  feed_id        TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id; where we read it
  story_id       BIGINT NOT NULL REFERENCES stories (id),  -- → stories.id; the news it tells
  story_reason   TEXT COLLATE "C" NOT NULL DEFAULT 'first',  -- why it belongs to that story: `first`, `url`, `title` or `text`; by hand `merged` or `split`
  story_score    DOUBLE PRECISION NOT NULL DEFAULT 1,       -- the measure behind the reason, 0 to 1
  guid           TEXT COLLATE "C" NOT NULL,                 -- the publisher's own identifier, verbatim
  link           TEXT COLLATE "C" NOT NULL,                 -- the publisher's, made absolute
  title          TEXT COLLATE "C" NOT NULL,                 -- plain text
  body           TEXT COLLATE "C" NOT NULL,                 -- plain text of summary and content: what matching and search read
  author         TEXT COLLATE "C" NOT NULL,
  categories     TEXT COLLATE "C" NOT NULL,                 -- JSON list
  enclosures     TEXT COLLATE "C" NOT NULL DEFAULT '[]',    -- JSON list of {url, type, length}
  language       TEXT COLLATE "C" NOT NULL,                 -- what the text tells, else as declared; a primary subtag (`be`), or empty
  published_at   TEXT COLLATE "C",                          -- as published; empty when the feed does not say
  updated_at     TEXT COLLATE "C",                          -- as published
  sort_at        TEXT COLLATE "C" NOT NULL,                 -- the published time where it can be believed, else first sight
  first_seen_at  TEXT COLLATE "C" NOT NULL,                 -- when we first saw it; windows, `--since` and search count from here
  revision       BIGINT NOT NULL DEFAULT 1,    -- 1 until its text changes
  markup BYTEA, fingerprint BYTEA NOT NULL DEFAULT '', story_revision BIGINT NOT NULL DEFAULT 1, merged_from BIGINT)
;
CREATE TABLE digest_watchlists (
  digest_id     TEXT COLLATE "C" NOT NULL REFERENCES digests (id) ON DELETE CASCADE,  -- → digests.id
  watchlist_id  TEXT COLLATE "C" NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  position      BIGINT NOT NULL,               -- the order in digests.yaml
  PRIMARY KEY (digest_id, watchlist_id)
)
;
CREATE TABLE editions (
  id            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  digest_id     TEXT COLLATE "C" NOT NULL REFERENCES digests (id),  -- → digests.id
  key           TEXT COLLATE "C" NOT NULL,                  -- local time of its end with the offset, of an alert its time and first match; `-lead` or `-title` behind it for readers with that threshold; unique within the digest
  kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('alert', 'digest')),  -- `alert` or `digest`
  title         TEXT COLLATE "C" NOT NULL,
  window_start  TEXT COLLATE "C" NOT NULL,
  window_end    TEXT COLLATE "C" NOT NULL,                  -- the window holds what matched from its start until just before its end
  subject       TEXT COLLATE "C" NOT NULL,
  stories       BIGINT NOT NULL,               -- how many it tells
  entries       BIGINT NOT NULL,               -- how many entries these stories hold
  composed_at   TEXT COLLATE "C" NOT NULL,
  mail          BYTEA NOT NULL,                  -- the whole message, with placeholders for what differs between recipients
  page          TEXT COLLATE "C" NOT NULL,                  -- the archive page, HTML
  text          TEXT COLLATE "C" NOT NULL,                  -- the same as plain text
  data          TEXT COLLATE "C" NOT NULL,                  -- the same as JSON
  UNIQUE (digest_id, key)
)
;
CREATE TABLE subscriptions (
  id             BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  subscriber_id  BIGINT NOT NULL REFERENCES subscribers (id),  -- → subscribers.id
  digest_id      TEXT COLLATE "C" NOT NULL REFERENCES digests (id),  -- → digests.id
  state          TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'active', 'paused', 'ended')),  -- `pending`, `active`, `paused` or `ended`
  origin         TEXT COLLATE "C" NOT NULL CHECK (origin IN ('config', 'operator', 'visitor')),  -- `config`, `operator` or `visitor`
  created_at     TEXT COLLATE "C" NOT NULL,
  ended_at       TEXT COLLATE "C",
  reason         TEXT COLLATE "C" NOT NULL DEFAULT '', prominence TEXT COLLATE "C" NOT NULL DEFAULT 'any' CHECK (prominence IN ('any', 'lead', 'title')), timezone TEXT COLLATE "C" NOT NULL DEFAULT '', paused_until TEXT COLLATE "C",      -- why it ended
  UNIQUE (subscriber_id, digest_id)
)
;
CREATE TABLE feed_events (
  id       BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  feed_id  TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,
  at       TEXT COLLATE "C" NOT NULL,
  kind     TEXT COLLATE "C" NOT NULL,                       -- `moved`, `moved_onto` (redirects lead to another feed of yours), `move_undone`, `gone`, `back`, `frozen_validators`, `format_changed`
  detail   TEXT COLLATE "C" NOT NULL                        -- the same in a sentence
)
;
CREATE TABLE gaps (
  id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  feed_id    TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  after_at   TEXT COLLATE "C" NOT NULL,                     -- the last sight of what was known
  before_at  TEXT COLLATE "C" NOT NULL,                     -- the time of the oldest entry of the document
  found_at   TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE documents (
  feed_id  TEXT COLLATE "C" PRIMARY KEY REFERENCES feeds (id) ON UPDATE CASCADE ON DELETE CASCADE,  -- → feeds.id
  head     TEXT COLLATE "C" NOT NULL,                       -- a digest of all that decides about every item alike
  settled  BIGINT NOT NULL,                    -- 1: judging that document again would change nothing
  items    BYTEA NOT NULL,                       -- what is known of its items, in order: digests and checksums, then their facts as JSON, deflated
  fresh    TEXT COLLATE "C" NOT NULL DEFAULT '[]'           -- of those that were new: (number, entry id), JSON
)
;
CREATE TABLE entry_keys (
  feed_id   TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  kind      TEXT COLLATE "C" NOT NULL,                      -- `id`, `idnorm`, `link`, `hash`, `titledate` or `text`
  key       TEXT COLLATE "C" NOT NULL,
  entry_id  BIGINT,                            -- → entries.id; once the entry is pruned there is none of that id, and never will be
  PRIMARY KEY (feed_id, kind, key)
)
;
CREATE TABLE story_aliases (
  id             BIGINT PRIMARY KEY,           -- the merged story's
  story_id       BIGINT NOT NULL REFERENCES stories (id) ON DELETE CASCADE,  -- → stories.id; the story it is part of now
  merged_into    BIGINT NOT NULL,              -- the one it was merged into, which may have been merged since
  title          TEXT COLLATE "C" NOT NULL,                 -- what it was called
  first_seen_at  TEXT COLLATE "C" NOT NULL,                 -- of the merged story: for its copies the 72 hours count from here
  merged_at      TEXT COLLATE "C" NOT NULL
)
;
CREATE TABLE entry_counts (
  feed_id   TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  day       TEXT COLLATE "C" NOT NULL,                      -- UTC
  language  TEXT COLLATE "C" NOT NULL,
  entries   BIGINT NOT NULL,
  PRIMARY KEY (feed_id, day, language)
)
;
CREATE TABLE match_counts (
  watchlist_id  TEXT COLLATE "C" NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  hour          TEXT COLLATE "C" NOT NULL,                  -- UTC, `2026-11-27T07`
  feed_id       TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  language      TEXT COLLATE "C" NOT NULL,
  entries       BIGINT NOT NULL,
  PRIMARY KEY (watchlist_id, hour, feed_id, language)
)
;
CREATE TABLE entry_months (
  feed_id   TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  month     TEXT COLLATE "C" NOT NULL,                      -- UTC, `2026-11`
  language  TEXT COLLATE "C" NOT NULL,
  entries   BIGINT NOT NULL,
  PRIMARY KEY (feed_id, month, language)
)
;
CREATE TABLE match_days (
  watchlist_id  TEXT COLLATE "C" NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  day           TEXT COLLATE "C" NOT NULL,                  -- UTC
  entries       BIGINT NOT NULL,
  PRIMARY KEY (watchlist_id, day)
)
;
CREATE TABLE match_months (
  watchlist_id  TEXT COLLATE "C" NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  month         TEXT COLLATE "C" NOT NULL,                  -- UTC, `2026-11`
  feed_id       TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  language      TEXT COLLATE "C" NOT NULL,
  entries       BIGINT NOT NULL,
  PRIMARY KEY (watchlist_id, month, feed_id, language)
)
;
CREATE TABLE feed_days (
  feed_id      TEXT COLLATE "C" NOT NULL REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  day          TEXT COLLATE "C" NOT NULL,                   -- UTC
  polls        BIGINT NOT NULL,
  answered     BIGINT NOT NULL,                -- with a document, or the word that nothing is new
  first_ok_at  TEXT COLLATE "C",                            -- the first answer of the day
  last_ok_at   TEXT COLLATE "C",                            -- the last one
  PRIMARY KEY (feed_id, day)
)
;
CREATE TABLE signals (
  id            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('burst', 'silence')),  -- `burst` or `silence`
  watchlist_id  TEXT COLLATE "C" REFERENCES watchlists (id),  -- → watchlists.id; or
  feed_id       TEXT COLLATE "C" REFERENCES feeds (id) ON UPDATE CASCADE,  -- → feeds.id
  began_at      TEXT COLLATE "C" NOT NULL,
  found_at      TEXT COLLATE "C" NOT NULL,
  ended_at      TEXT COLLATE "C",                           -- empty while it lasts
  observed      BIGINT NOT NULL,               -- entries there were from `began_at` to `found_at`
  expected      DOUBLE PRECISION NOT NULL,                  -- entries there usually are: of a burst in the same hours of the week, of a silence in a day
  detail        TEXT COLLATE "C" NOT NULL,                  -- of a silent watchlist: how many of its feeds fail or are paused
  CHECK ((watchlist_id IS NULL) != (feed_id IS NULL))
)
;
CREATE TABLE entry_revisions (
  entry_id     BIGINT NOT NULL REFERENCES entries (id) ON DELETE CASCADE,  -- → entries.id
  revision     BIGINT NOT NULL,
  title        TEXT COLLATE "C" NOT NULL,
  link         TEXT COLLATE "C" NOT NULL,
  body         TEXT COLLATE "C" NOT NULL,
  updated_at   TEXT COLLATE "C",                            -- as published
  replaced_at  TEXT COLLATE "C" NOT NULL, markup BYTEA,                   -- when the next text came
  PRIMARY KEY (entry_id, revision)
)
;
CREATE TABLE articles (
  entry_id       BIGINT PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,  -- → entries.id
  state          TEXT COLLATE "C" NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'given_up')),  -- `due`, `done` or `given_up`
  reach          TEXT COLLATE "C" NOT NULL CHECK (reach IN ('alert', 'digest', 'none')),  -- how far a match found only there travels
  text           TEXT COLLATE "C" NOT NULL DEFAULT '',      -- the article's own text, navigation removed
  attempts       BIGINT NOT NULL DEFAULT 0,
  next_at        TEXT COLLATE "C" NOT NULL,                 -- when it is due
  error          TEXT COLLATE "C" NOT NULL DEFAULT '',
  fetched_at     TEXT COLLATE "C",
  claimed_by     TEXT COLLATE "C",                          -- who fetches it now
  claimed_until  TEXT COLLATE "C",
  etag TEXT COLLATE "C" NOT NULL DEFAULT '',
  last_modified TEXT COLLATE "C" NOT NULL DEFAULT '')
;
CREATE TABLE matches (
  id            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  watchlist_id  TEXT COLLATE "C" NOT NULL REFERENCES watchlists (id),  -- → watchlists.id
  entry_id      BIGINT NOT NULL REFERENCES entries (id),  -- → entries.id
  revision      BIGINT NOT NULL,
  spans         TEXT COLLATE "C" NOT NULL,                  -- JSON list of {field, start, end, term, alias}: where it stands, in characters
  reach         TEXT COLLATE "C" NOT NULL CHECK (reach IN ('alert', 'digest', 'none')),  -- `alert`: alerts and digests; `digest`: digests only; `none`: nobody is told (first polls, later revisions)
  matched_at    TEXT COLLATE "C" NOT NULL,
  UNIQUE (watchlist_id, entry_id, revision)
)
;
CREATE TABLE tokens (
  hash             TEXT COLLATE "C" PRIMARY KEY,            -- SHA-256 of the token, hex
  purpose          TEXT COLLATE "C" NOT NULL,               -- `unsubscribe`, `confirm`, `manage`, `undo` or `refuse`; good for that alone
  subscription_id  BIGINT NOT NULL REFERENCES subscriptions (id),  -- → subscriptions.id
  created_at       TEXT COLLATE "C" NOT NULL,
  expires_at TEXT COLLATE "C",
  used_at TEXT COLLATE "C")
;
CREATE TABLE edition_mails (
  edition_id  BIGINT NOT NULL REFERENCES editions (id) ON DELETE CASCADE,  -- → editions.id
  variant     TEXT COLLATE "C" NOT NULL,                    -- the zone, and a mark of what came late
  mail        BYTEA NOT NULL,                    -- as in editions
  data        TEXT COLLATE "C" NOT NULL,                    -- the same as JSON
  PRIMARY KEY (edition_id, variant)
)
;
CREATE TABLE consents (
  id               BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  subscription_id  BIGINT NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,  -- → subscriptions.id
  event            TEXT COLLATE "C" NOT NULL,               -- requested, confirmed, added, changed, paused, resumed, ended, suspended, refused
  at               TEXT COLLATE "C" NOT NULL,
  cause            TEXT COLLATE "C" NOT NULL,               -- `web`, `mail`, `command line`, `configuration` or `bounce`
  detail           TEXT COLLATE "C" NOT NULL DEFAULT '',    -- such as the version of the text that was agreed to
  network_hmac     TEXT COLLATE "C" NOT NULL DEFAULT ''     -- keyed hash of the network it came from
)
;
CREATE TABLE signal_tellings (
  signal_id   BIGINT NOT NULL REFERENCES signals (id),  -- → signals.id
  digest_id   TEXT COLLATE "C" NOT NULL REFERENCES digests (id),  -- → digests.id
  edition_id  BIGINT NOT NULL REFERENCES editions (id),  -- → editions.id, the first of its moment
  PRIMARY KEY (signal_id, digest_id)
)
;
CREATE TABLE messages (
  id               BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  edition_id       BIGINT REFERENCES editions (id), -- → editions.id
  letter_id        BIGINT REFERENCES letters (id), -- → letters.id, of a message that is no edition
  variant          TEXT COLLATE "C" NOT NULL DEFAULT '',     -- → edition_mails.variant; empty: the edition’s own mail
  kind             TEXT COLLATE "C" NOT NULL CHECK (kind IN ('alert', 'digest', 'confirm', 'manage', 'notice')), -- `alert`, `digest`, `confirm`, `manage` or `notice`
  subscription_id  BIGINT REFERENCES subscriptions (id), -- → subscriptions.id; NULL of a notice, which nobody subscribes to
  address          TEXT COLLATE "C" NOT NULL,                -- empty once erased
  token            TEXT COLLATE "C" NOT NULL,                -- of the unsubscribe link; forgotten once the message is sent or its reader is gone
  message_id       TEXT COLLATE "C" NOT NULL UNIQUE,         -- the Message-ID; every retry carries the same
  state            TEXT COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'sent', 'unknown', 'dead', 'cancelled')), -- `waiting`, `claimed`, `sent`, `unknown` (the server may have taken it), `dead` or `cancelled`
  phase            TEXT COLLATE "C" NOT NULL DEFAULT 'queued' CHECK (phase IN ('queued', 'connect', 'data')), -- how far it is: `queued`, `connect` or `data`
  attempts         BIGINT NOT NULL DEFAULT 0,   -- how many there were
  next_attempt_at  TEXT COLLATE "C" NOT NULL,                -- when it is due
  held_at          TEXT COLLATE "C",                         -- since when a restore holds it back; `outbox release` frees it
  claimed_by       TEXT COLLATE "C",                         -- who carries it now
  claimed_until    TEXT COLLATE "C",
  error            TEXT COLLATE "C" NOT NULL DEFAULT '',     -- what the last attempt met
  created_at       TEXT COLLATE "C" NOT NULL,
  settled_at       TEXT COLLATE "C",
  retried_at       TEXT COLLATE "C",                         -- when a person asked for another try; patience counts from there
  late             BIGINT NOT NULL DEFAULT 0,   -- 1: given up because time ran out; a later edition tells its stories
  told_in          BIGINT REFERENCES messages (id), -- → messages.id, the message of that edition
  CHECK ((edition_id IS NULL) != (letter_id IS NULL)),
  CHECK ((subscription_id IS NULL) = (kind = 'notice')),
  UNIQUE (edition_id, subscription_id)
)
;
CREATE TABLE told_earlier (
  entry         TEXT COLLATE "C" NOT NULL,                  -- digest of feed and guid
  watchlist_id  TEXT COLLATE "C" NOT NULL,
  digest_id     TEXT COLLATE "C" NOT NULL,
  edition_id    BIGINT REFERENCES editions (id),  -- → editions.id, what told it; empty: passed over
  prominence    TEXT COLLATE "C",                           -- the level it was told at
  at            TEXT COLLATE "C" NOT NULL,                  -- when
  PRIMARY KEY (entry, watchlist_id, digest_id)
)
;
CREATE TABLE edition_matches (
  digest_id   TEXT COLLATE "C" NOT NULL REFERENCES digests (id),  -- → digests.id
  match_id    BIGINT NOT NULL REFERENCES matches (id),  -- → matches.id
  edition_id  BIGINT REFERENCES editions (id), prominence TEXT COLLATE "C" CHECK (prominence IN ('mention', 'lead', 'title')),  -- → editions.id, the first of its moment that has its story; empty when nothing was sent
  PRIMARY KEY (digest_id, match_id)
)
;
CREATE TABLE attempts (
  id          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  message_id  BIGINT NOT NULL REFERENCES messages (id), -- → messages.id
  started_at  TEXT COLLATE "C" NOT NULL,
  ended_at    TEXT COLLATE "C" NOT NULL,
  outcome     TEXT COLLATE "C" NOT NULL,                    -- `sent`, `retry`, `dead`, `unknown` or `cancelled`
  phase       TEXT COLLATE "C" NOT NULL,                    -- how far it came
  code        BIGINT NOT NULL,                 -- the server's reply, 0 when there was none
  detail      TEXT COLLATE "C" NOT NULL                     -- the server's words
)
;
CREATE UNIQUE INDEX feeds_by_url ON feeds (url) WHERE removed_at IS NULL
;
CREATE INDEX feeds_by_next_poll ON feeds (next_poll_at, id)
;
CREATE INDEX entries_by_feed ON entries (feed_id, first_seen_at)
;
CREATE INDEX entries_by_story ON entries (story_id)
;
CREATE INDEX entries_by_first_seen ON entries (first_seen_at)
;
CREATE INDEX articles_due ON articles (next_at) WHERE state = 'due'
;
CREATE INDEX matches_by_entry ON matches (entry_id)
;
CREATE INDEX matches_by_watchlist ON matches (watchlist_id)
;
CREATE INDEX matches_by_time ON matches (matched_at)
;
CREATE INDEX edition_matches_by_match ON edition_matches (match_id)
;
CREATE INDEX feeds_by_moved_url ON feeds (moved_url) WHERE moved_url != ''
;
CREATE INDEX feed_events_by_feed ON feed_events (feed_id, id)
;
CREATE INDEX feeds_by_host ON feeds (host)
;
CREATE INDEX host_claims_by_end ON host_claims (claimed_until)
;
CREATE INDEX feeds_claimed ON feeds (claimed_by) WHERE claimed_by IS NOT NULL
;
CREATE INDEX articles_claimed ON articles (claimed_by) WHERE claimed_by IS NOT NULL
;
CREATE INDEX messages_claimed ON messages (claimed_by) WHERE claimed_by IS NOT NULL
;
CREATE INDEX gaps_by_feed ON gaps (feed_id, found_at)
;
CREATE INDEX story_aliases_by_story ON story_aliases (story_id)
;
CREATE INDEX entry_revisions_by_time ON entry_revisions (replaced_at)
;
CREATE INDEX consents_by_subscription ON consents (subscription_id)
;
CREATE INDEX requests_by_time ON requests (at)
;
CREATE INDEX bounces_by_address ON bounces (address_hmac, at)
;
CREATE INDEX subscriptions_by_digest ON subscriptions (digest_id, state)
;
CREATE INDEX signals_open ON signals (ended_at)
;
CREATE INDEX signals_by_time ON signals (found_at)
;
CREATE INDEX articles_given_up ON articles (fetched_at) WHERE state = 'given_up'
;
CREATE INDEX attempts_by_message ON attempts (message_id)
;
CREATE INDEX messages_due ON messages (state, next_attempt_at)
;
CREATE INDEX messages_by_subscription ON messages (subscription_id)
;
CREATE INDEX messages_by_letter ON messages (letter_id) WHERE letter_id IS NOT NULL
;
CREATE INDEX messages_by_teller ON messages (told_in) WHERE told_in IS NOT NULL
;
CREATE INDEX messages_late ON messages (subscription_id) WHERE late = 1 AND told_in IS NULL
;
CREATE VIEW matches_by_watchlist_and_day AS
SELECT m.watchlist_id, substr(e.sort_at, 1, 10) AS day, count(DISTINCT m.entry_id) AS entries,
       count(DISTINCT e.story_id) AS stories, count(DISTINCT e.feed_id) AS feeds
FROM matches m JOIN entries e ON e.id = m.entry_id GROUP BY m.watchlist_id, substr(e.sort_at, 1, 10)
;
CREATE VIEW matched_entries AS
SELECT m.watchlist_id, e.sort_at, e.title, e.feed_id, e.link, m.reach, m.matched_at, m.spans, m.entry_id, e.story_id
FROM matches m JOIN entries e ON e.id = m.entry_id ORDER BY m.id DESC
;
CREATE VIEW feed_health AS
SELECT f.id AS feed_id, coalesce(nullif(f.title, ''), nullif(f.own_title, ''), f.id) AS title, f.url, f.state,
       f.error_class, f.error, f.failures, f.failing_since, f.malformed, f.last_ok_at, f.next_poll_at,
       (SELECT count(*) FROM entries e WHERE e.feed_id = f.id) AS entries,
       (SELECT max(e.first_seen_at) FROM entries e WHERE e.feed_id = f.id) AS newest_entry_at,
       f.next_poll_reason, f.moved_url, f.news_at, f.quiet_polls, f.rhythm_seconds
FROM feeds f WHERE f.removed_at IS NULL ORDER BY f.state = 'ok', f.id
;
CREATE VIEW story_titles AS
SELECT s.id AS story_id, coalesce(nullif(s.title, ''), (
         SELECT iif(e.title != '', e.title, substr(e.body, 1, 120)) FROM entries e WHERE e.story_id = s.id ORDER BY e.id LIMIT 1
       )) AS title, s.first_seen_at
FROM stories s
;
CREATE VIEW story_outlets AS
SELECT s.story_id, s.title, s.first_seen_at, count(*) AS entries, count(DISTINCT e.feed_id) AS feeds,
       string_agg(DISTINCT e.feed_id, ',') AS feed_ids
FROM story_titles s JOIN entries e ON e.story_id = s.story_id GROUP BY s.story_id, s.title, s.first_seen_at ORDER BY feeds DESC, s.story_id DESC
;
CREATE VIEW edition_stories AS
SELECT DISTINCT ed.digest_id, ed.key, ed.id AS edition_id, m.watchlist_id, e.story_id, s.title
FROM edition_matches em JOIN editions ed ON ed.id = em.edition_id JOIN matches m ON m.id = em.match_id
JOIN entries e ON e.id = m.entry_id JOIN story_titles s ON s.story_id = e.story_id
;
CREATE VIEW attention AS
SELECT c.watchlist_id, c.day, c.entries, d.entries AS all_entries, round(1.0 * c.entries / d.entries, 6) AS share
FROM match_days c JOIN day_counts d ON d.day = c.day
;
CREATE VIEW attention_by_feed AS
SELECT c.watchlist_id, substr(c.hour, 1, 10) AS day, c.feed_id, f.country, c.language, sum(c.entries) AS entries
FROM match_counts c JOIN feeds f ON f.id = c.feed_id GROUP BY c.watchlist_id, substr(c.hour, 1, 10), c.feed_id, f.country, c.language
;
CREATE VIEW bursts_and_silences AS
SELECT s.id AS signal_id, s.kind, s.watchlist_id, s.feed_id,
       coalesce(w.title, nullif(f.title, ''), nullif(f.own_title, ''), s.feed_id) AS title,
       s.began_at, s.found_at, s.ended_at, s.observed, s.expected, s.detail,
       (SELECT string_agg(t.digest_id, ',') FROM signal_tellings t WHERE t.signal_id = s.id) AS told_in
FROM signals s LEFT JOIN watchlists w ON w.id = s.watchlist_id LEFT JOIN feeds f ON f.id = s.feed_id ORDER BY s.id DESC
;
CREATE VIEW outbox AS
SELECT m.id, coalesce(ed.digest_id, '') AS digest_id, m.kind, coalesce(ed.subject, l.subject) AS subject, m.address, m.state,
       m.phase, m.attempts, m.next_attempt_at, m.held_at, m.error
FROM messages m LEFT JOIN editions ed ON ed.id = m.edition_id LEFT JOIN letters l ON l.id = m.letter_id
WHERE m.state IN ('waiting', 'claimed', 'unknown', 'dead') ORDER BY m.next_attempt_at
;
-- The last ids that were given, as SQLite keeps them.
CREATE VIEW given_ids AS
SELECT 'stories' AS name, last_value AS seq FROM stories_id_seq WHERE is_called
UNION ALL SELECT 'subscribers' AS name, last_value AS seq FROM subscribers_id_seq WHERE is_called
UNION ALL SELECT 'requests' AS name, last_value AS seq FROM requests_id_seq WHERE is_called
UNION ALL SELECT 'bounces' AS name, last_value AS seq FROM bounces_id_seq WHERE is_called
UNION ALL SELECT 'credentials' AS name, last_value AS seq FROM credentials_id_seq WHERE is_called
UNION ALL SELECT 'letters' AS name, last_value AS seq FROM letters_id_seq WHERE is_called
UNION ALL SELECT 'entries' AS name, last_value AS seq FROM entries_id_seq WHERE is_called
UNION ALL SELECT 'editions' AS name, last_value AS seq FROM editions_id_seq WHERE is_called
UNION ALL SELECT 'subscriptions' AS name, last_value AS seq FROM subscriptions_id_seq WHERE is_called
UNION ALL SELECT 'feed_events' AS name, last_value AS seq FROM feed_events_id_seq WHERE is_called
UNION ALL SELECT 'gaps' AS name, last_value AS seq FROM gaps_id_seq WHERE is_called
UNION ALL SELECT 'signals' AS name, last_value AS seq FROM signals_id_seq WHERE is_called
UNION ALL SELECT 'matches' AS name, last_value AS seq FROM matches_id_seq WHERE is_called
UNION ALL SELECT 'consents' AS name, last_value AS seq FROM consents_id_seq WHERE is_called
UNION ALL SELECT 'messages' AS name, last_value AS seq FROM messages_id_seq WHERE is_called
UNION ALL SELECT 'attempts' AS name, last_value AS seq FROM attempts_id_seq WHERE is_called
;
-- A new search index has no table of its own here; it takes the place of the old row by row.
CREATE VIEW sqlite_master AS SELECT 'entry_index_next' AS name
;
-- One row: how many transactions have changed something, so that others see whether to look again.
CREATE TABLE writes (
  count  BIGINT NOT NULL
)
;
INSERT INTO writes VALUES (0)
;
