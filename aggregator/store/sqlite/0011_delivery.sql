-- how many characters of its texts may be shown to others; empty: all
ALTER TABLE feeds ADD COLUMN excerpt INTEGER
;
-- What was revised in a window: what a digest tells as updated.
CREATE INDEX entry_revisions_by_time ON entry_revisions (replaced_at)
;
-- How an alert comes out (Schedule.wait, most, quiet: JSON [start, end, urgent] or empty), and who asked for a digest.

-- who asked for it: `config` (digests.yaml) or `reader` (a watchlist at a rhythm of readers’ own)
ALTER TABLE digests ADD COLUMN origin TEXT NOT NULL DEFAULT 'config' CHECK (origin IN ('config', 'reader'))
;
-- how long an alert waits for company
ALTER TABLE digests ADD COLUMN wait_seconds INTEGER NOT NULL DEFAULT 0
;
-- alerts an hour; 0: no limit
ALTER TABLE digests ADD COLUMN most INTEGER NOT NULL DEFAULT 0
;
-- hours in which alerts wait: JSON `["22:00", "07:00", "none"]`, the last what breaks through; empty for none
ALTER TABLE digests ADD COLUMN quiet TEXT NOT NULL DEFAULT ''
;
-- An alert that waits (for company, for the morning, for a storm to pass) is looked at again then, or when more came.

-- until when the alert that waits is held, unless more comes
ALTER TABLE digests ADD COLUMN held_until TEXT
;
-- the last match that this was decided for
ALTER TABLE digests ADD COLUMN held_match INTEGER NOT NULL DEFAULT 0
;
-- whose query it is: `config` (watchlists.yaml) or `reader`
ALTER TABLE watchlists ADD COLUMN origin TEXT NOT NULL DEFAULT 'config' CHECK (origin IN ('config', 'reader'))
;
-- A reader's own clock (IANA zone, empty for the digest's), and until when it is paused (NULL: until resumed).

-- the zone of the times that this reader is shown; empty: the digest’s
ALTER TABLE subscriptions ADD COLUMN timezone TEXT NOT NULL DEFAULT ''
;
-- when a pause ends; empty: when somebody resumes it
ALTER TABLE subscriptions ADD COLUMN paused_until TEXT
;
-- What may be done with a token once, and until when; NULL: as often and as long as anybody likes.

-- until when it is good; empty: for ever
ALTER TABLE tokens ADD COLUMN expires_at TEXT
;
-- when it was used, where it is good once
ALTER TABLE tokens ADD COLUMN used_at TEXT
;

-- One row: The mail of an edition as some of its readers get it: with the times of their zone, or with what came too late
-- for them.
CREATE TABLE edition_mails (
  edition_id  INTEGER NOT NULL REFERENCES editions (id) ON DELETE CASCADE,  -- → editions.id
  variant     TEXT NOT NULL,                    -- the zone, and a mark of what came late
  mail        BLOB NOT NULL,                    -- as in editions
  data        TEXT NOT NULL,                    -- the same as JSON
  PRIMARY KEY (edition_id, variant)
) WITHOUT ROWID
;

-- One row: Mail that is no edition: the request to confirm, the link to one’s own page.
CREATE TABLE letters (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL CHECK (kind IN ('confirm', 'manage')),  -- `confirm` or `manage`
  subject     TEXT NOT NULL,
  mail        BLOB NOT NULL,                    -- the whole message, with placeholders
  created_at  TEXT NOT NULL
)
;

-- One row: Something that happened to a subscription, and through what: what shows consent.
CREATE TABLE consents (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  subscription_id  INTEGER NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,  -- → subscriptions.id
  event            TEXT NOT NULL,               -- requested, confirmed, added, changed, paused, resumed, ended, suspended, refused
  at               TEXT NOT NULL,
  cause            TEXT NOT NULL,               -- `web`, `mail`, `command line`, `configuration` or `bounce`
  detail           TEXT NOT NULL DEFAULT '',    -- such as the version of the text that was agreed to
  network_hmac     TEXT NOT NULL DEFAULT ''     -- keyed hash of the network it came from
)
;
CREATE INDEX consents_by_subscription ON consents (subscription_id)
;

-- One row: Somebody asked for a letter: what the limits against mail bombing count. Nothing but keyed hashes.
CREATE TABLE requests (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  at            TEXT NOT NULL,
  address_hmac  TEXT NOT NULL,                  -- of the mailbox, however it is spelt
  domain_hmac   TEXT NOT NULL,
  network_hmac  TEXT NOT NULL,
  answered      INTEGER NOT NULL DEFAULT 0      -- 1: a letter went out for it
)
;
CREATE INDEX requests_by_time ON requests (at)
;

-- One row: Mail to an address came back, or its reader complained.
CREATE TABLE bounces (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  address_hmac  TEXT NOT NULL,
  at            TEXT NOT NULL,
  kind          TEXT NOT NULL CHECK (kind IN ('hard', 'soft', 'complaint')),  -- `hard`, `soft` or `complaint`
  status        TEXT NOT NULL DEFAULT '',       -- such as 5.1.1 (RFC 3463)
  detail        TEXT NOT NULL DEFAULT ''        -- the server’s words, without addresses
)
;
CREATE INDEX bounces_by_address ON bounces (address_hmac, at)
;

-- One row: A mail server or a channel that fails as a whole, and until when it is left in peace.
CREATE TABLE relays (
  name           TEXT PRIMARY KEY,              -- `mail`, or the channel: `channel:newsdesk`
  failures       INTEGER NOT NULL,              -- in a row
  failing_since  TEXT NOT NULL,
  paused_until   TEXT NOT NULL,
  error_class    TEXT NOT NULL,
  error          TEXT NOT NULL
) WITHOUT ROWID
;
DROP VIEW outbox
;
ALTER TABLE messages RENAME TO messages_before
;
DROP INDEX messages_due
;
DROP INDEX messages_by_subscription
;

-- One row: A message: an edition or a letter for one address, or for a channel (`channel:newsdesk`). Its bytes follow from
-- the mail stored for all and this row, so each retry sends the same.
CREATE TABLE messages (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  edition_id       INTEGER REFERENCES editions (id),  -- → editions.id
  letter_id        INTEGER REFERENCES letters (id),  -- → letters.id, of a message that is no edition
  variant          TEXT NOT NULL DEFAULT '',    -- → edition_mails.variant; empty: the edition’s own mail
  kind             TEXT NOT NULL CHECK (kind IN ('alert', 'digest', 'confirm', 'manage')),  -- `alert`, `digest`, `confirm` or `manage`
  subscription_id  INTEGER NOT NULL REFERENCES subscriptions (id),  -- → subscriptions.id
  address          TEXT NOT NULL,               -- empty once erased
  token            TEXT NOT NULL,               -- of the unsubscribe link; forgotten once the message is sent or its reader is gone
  message_id       TEXT NOT NULL UNIQUE,        -- the Message-ID; every retry carries the same
  state            TEXT NOT NULL DEFAULT 'waiting'  -- `waiting`, `claimed`, `sent`, `unknown` (the server may have taken it), `dead` or `cancelled`
                   CHECK (state IN ('waiting', 'claimed', 'sent', 'unknown', 'dead', 'cancelled')),
  phase            TEXT NOT NULL DEFAULT 'queued' CHECK (phase IN ('queued', 'connect', 'data')),  -- how far it is: `queued`, `connect` or `data`
  attempts         INTEGER NOT NULL DEFAULT 0,  -- how many there were
  next_attempt_at  TEXT NOT NULL,               -- when it is due
  held_at          TEXT,                        -- since when a restore holds it back; `outbox release` frees it
  claimed_by       TEXT,                        -- who carries it now
  claimed_until    TEXT,
  error            TEXT NOT NULL DEFAULT '',    -- what the last attempt met
  created_at       TEXT NOT NULL,
  settled_at       TEXT,
  retried_at       TEXT,                        -- when a person asked for another try; patience counts from there
  late             INTEGER NOT NULL DEFAULT 0,  -- 1: given up because time ran out; a later edition tells its stories
  told_in          INTEGER REFERENCES messages (id),  -- → messages.id, the message of that edition
  CHECK ((edition_id IS NULL) != (letter_id IS NULL)),
  UNIQUE (edition_id, subscription_id)
)
;
INSERT INTO messages (id, edition_id, kind, subscription_id, address, token, message_id, state, phase, attempts,
  next_attempt_at, held_at, claimed_by, claimed_until, error, created_at, settled_at)
SELECT m.id, m.edition_id, ed.kind, m.subscription_id, m.address, m.token, m.message_id, m.state, m.phase, m.attempts,
  m.next_attempt_at, m.held_at, m.claimed_by, m.claimed_until, m.error, m.created_at, m.settled_at
FROM messages_before m JOIN editions ed ON ed.id = m.edition_id
;
ALTER TABLE attempts RENAME TO attempts_before
;
DROP INDEX attempts_by_message
;

-- One row: One try at handing a message to a transport.
CREATE TABLE attempts (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id  INTEGER NOT NULL REFERENCES messages (id),  -- → messages.id
  started_at  TEXT NOT NULL,
  ended_at    TEXT NOT NULL,
  outcome     TEXT NOT NULL,                    -- `sent`, `retry`, `dead`, `unknown` or `cancelled`
  phase       TEXT NOT NULL,                    -- how far it came
  code        INTEGER NOT NULL,                 -- the server's reply, 0 when there was none
  detail      TEXT NOT NULL                     -- the server's words
)
;
INSERT INTO attempts SELECT * FROM attempts_before
;
DROP TABLE attempts_before
;
DROP TABLE messages_before
;
CREATE INDEX attempts_by_message ON attempts (message_id)
;
CREATE INDEX messages_due ON messages (state, next_attempt_at)
;
CREATE INDEX messages_by_subscription ON messages (subscription_id)
;
-- Of a letter, its message; of a message, who tells it: few rows have either.
CREATE INDEX messages_by_letter ON messages (letter_id) WHERE letter_id IS NOT NULL
;
CREATE INDEX messages_by_teller ON messages (told_in) WHERE told_in IS NOT NULL
;
-- Readers of a digest: there may be as many digests as readers, each with its choice.
CREATE INDEX subscriptions_by_digest ON subscriptions (digest_id, state)
;
CREATE INDEX messages_late ON messages (subscription_id) WHERE late = 1 AND told_in IS NULL
;

-- Which messages are not settled, and why?
-- Example: SELECT digest_id, address, state, attempts, error FROM outbox;
CREATE VIEW outbox AS
SELECT m.id, coalesce(ed.digest_id, '') AS digest_id, m.kind, coalesce(ed.subject, l.subject) AS subject, m.address, m.state,
       m.phase, m.attempts, m.next_attempt_at, m.held_at, m.error
FROM messages m LEFT JOIN editions ed ON ed.id = m.edition_id LEFT JOIN letters l ON l.id = m.letter_id
WHERE m.state IN ('waiting', 'claimed', 'unknown', 'dead') ORDER BY m.next_attempt_at
;
