-- How many characters of a feed's texts may be shown to others; NULL for all.
ALTER TABLE feeds ADD COLUMN excerpt INTEGER
;
-- What was revised in a window: what a digest tells as updated.
CREATE INDEX entry_revisions_by_time ON entry_revisions (replaced_at)
;
-- How an alert comes out (Schedule.wait, most, quiet: JSON [start, end, urgent] or empty), and who asked for a digest.
ALTER TABLE digests ADD COLUMN origin TEXT NOT NULL DEFAULT 'config' CHECK (origin IN ('config', 'reader'))
;
ALTER TABLE digests ADD COLUMN wait_seconds INTEGER NOT NULL DEFAULT 0
;
ALTER TABLE digests ADD COLUMN most INTEGER NOT NULL DEFAULT 0
;
ALTER TABLE digests ADD COLUMN quiet TEXT NOT NULL DEFAULT ''
;
-- An alert that waits (for company, for the morning, for a storm to pass) is looked at again then, or when more came.
ALTER TABLE digests ADD COLUMN held_until TEXT
;
ALTER TABLE digests ADD COLUMN held_match INTEGER NOT NULL DEFAULT 0
;
-- Whose query it is: the operator's, or a reader's own.
ALTER TABLE watchlists ADD COLUMN origin TEXT NOT NULL DEFAULT 'config' CHECK (origin IN ('config', 'reader'))
;
-- A reader's own clock (IANA zone, empty for the digest's), and until when it is paused (NULL: until resumed).
ALTER TABLE subscriptions ADD COLUMN timezone TEXT NOT NULL DEFAULT ''
;
ALTER TABLE subscriptions ADD COLUMN paused_until TEXT
;
-- What may be done with a token once, and until when; NULL: as often and as long as anybody likes.
ALTER TABLE tokens ADD COLUMN expires_at TEXT
;
ALTER TABLE tokens ADD COLUMN used_at TEXT
;

-- One row: the mail of an edition as some of its readers get it: in their zone, with what came late for them.
CREATE TABLE edition_mails (
  edition_id  INTEGER NOT NULL REFERENCES editions (id) ON DELETE CASCADE,
  variant     TEXT NOT NULL,
  mail        BLOB NOT NULL,
  data        TEXT NOT NULL,
  PRIMARY KEY (edition_id, variant)
) WITHOUT ROWID
;

-- One row: a letter, mail that is no edition: the request to confirm, the link to one's own page. `mail` holds placeholders.
CREATE TABLE letters (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL CHECK (kind IN ('confirm', 'manage')),
  subject     TEXT NOT NULL,
  mail        BLOB NOT NULL,
  created_at  TEXT NOT NULL
)
;

-- One row: something that happened to a subscription, and by whom: what shows consent. Addresses and networks are keyed hashes.
CREATE TABLE consents (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  subscription_id  INTEGER NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
  event            TEXT NOT NULL,              -- requested, confirmed, changed, paused, resumed, ended, suspended, refused
  at               TEXT NOT NULL,
  cause            TEXT NOT NULL,              -- web, mail, command line, configuration, bounce
  detail           TEXT NOT NULL DEFAULT '',
  network_hmac     TEXT NOT NULL DEFAULT ''
)
;
CREATE INDEX consents_by_subscription ON consents (subscription_id)
;

-- One row: somebody asked for a letter; what the limits against mail bombing count.
CREATE TABLE requests (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  at            TEXT NOT NULL,
  address_hmac  TEXT NOT NULL,                 -- of the normalised address
  domain_hmac   TEXT NOT NULL,
  network_hmac  TEXT NOT NULL,
  answered      INTEGER NOT NULL DEFAULT 0     -- whether a letter was sent for it
)
;
CREATE INDEX requests_by_time ON requests (at)
;

-- One row: mail to an address came back, or its reader complained.
CREATE TABLE bounces (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  address_hmac  TEXT NOT NULL,
  at            TEXT NOT NULL,
  kind          TEXT NOT NULL CHECK (kind IN ('hard', 'soft', 'complaint')),
  status        TEXT NOT NULL DEFAULT '',      -- RFC 3463: 5.1.1
  detail        TEXT NOT NULL DEFAULT ''
)
;
CREATE INDEX bounces_by_address ON bounces (address_hmac, at)
;

-- One row: a relay, channel or folder that fails as a whole, and until when it is left in peace.
CREATE TABLE relays (
  name           TEXT PRIMARY KEY,
  failures       INTEGER NOT NULL,
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

-- One row: a message, an edition or a letter for one address. The bytes follow from the mail stored for all and this row.
CREATE TABLE messages (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  edition_id       INTEGER REFERENCES editions (id),
  letter_id        INTEGER REFERENCES letters (id),
  variant          TEXT NOT NULL DEFAULT '',     -- of the edition's mail; '' is the edition's own
  kind             TEXT NOT NULL CHECK (kind IN ('alert', 'digest', 'confirm', 'manage')),
  subscription_id  INTEGER NOT NULL REFERENCES subscriptions (id),
  address          TEXT NOT NULL,                -- or a channel: channel:newsdesk
  token            TEXT NOT NULL,                -- forgotten once the message is settled
  message_id       TEXT NOT NULL UNIQUE,         -- derived: every retry carries the same
  state            TEXT NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'claimed', 'sent', 'unknown', 'dead', 'cancelled')),
  phase            TEXT NOT NULL DEFAULT 'queued' CHECK (phase IN ('queued', 'connect', 'data')),
  attempts         INTEGER NOT NULL DEFAULT 0,
  next_attempt_at  TEXT NOT NULL,
  held_at          TEXT,                         -- after a restore: nothing goes out until a person releases it
  claimed_by       TEXT,
  claimed_until    TEXT,
  error            TEXT NOT NULL DEFAULT '',
  created_at       TEXT NOT NULL,
  settled_at       TEXT,
  retried_at       TEXT,                         -- when a person asked for another try: patience counts from there
  late             INTEGER NOT NULL DEFAULT 0,   -- 1: given up because time ran out; its stories go into a later edition
  told_in          INTEGER REFERENCES messages (id), -- that edition's message
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

-- Which messages are not settled yet, and why?
CREATE VIEW outbox AS
SELECT m.id, coalesce(ed.digest_id, '') AS digest_id, m.kind, coalesce(ed.subject, l.subject) AS subject, m.address, m.state,
       m.phase, m.attempts, m.next_attempt_at, m.held_at, m.error
FROM messages m LEFT JOIN editions ed ON ed.id = m.edition_id LEFT JOIN letters l ON l.id = m.letter_id
WHERE m.state IN ('waiting', 'claimed', 'unknown', 'dead') ORDER BY m.next_attempt_at
;
