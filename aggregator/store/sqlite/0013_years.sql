-- For years unattended: what whoever runs this is told.

-- One row: A notice to the operator. It lasts while what it is about does; it is told once, and its end once, and then the row goes.
CREATE TABLE notices (
  about     TEXT NOT NULL PRIMARY KEY,          -- the thing and what is wrong with it: `feed:belta-en:failing`
  level     TEXT NOT NULL CHECK (level IN ('error', 'warning')),  -- `error` or `warning`
  what      TEXT NOT NULL,
  do        TEXT NOT NULL,                      -- what to do
  began_at  TEXT NOT NULL,
  told_at   TEXT,                               -- when a mail said so; NULL: none has yet
  ended_at  TEXT                                -- first not found any more; the row goes once its end was told
) WITHOUT ROWID
;
-- Notices go out as letters that belong to no subscription: both tables are made anew with room for them.
DROP VIEW outbox
;
ALTER TABLE letters RENAME TO letters_before
;

-- One row: Mail that is no edition: the request to confirm, the link to one’s own page, the day’s notices to the operator.
CREATE TABLE letters (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL CHECK (kind IN ('confirm', 'manage', 'notice')), -- `confirm`, `manage` or `notice`
  subject     TEXT NOT NULL,
  mail        BLOB NOT NULL,                    -- the whole message, with placeholders
  created_at  TEXT NOT NULL
)
;
INSERT INTO letters SELECT id, kind, subject, mail, created_at FROM letters_before
;
ALTER TABLE messages RENAME TO messages_before
;
DROP INDEX messages_due
;
DROP INDEX messages_by_subscription
;
DROP INDEX messages_by_letter
;
DROP INDEX messages_by_teller
;
DROP INDEX messages_late
;

-- One row: A message: an edition or a letter for one address, or for a channel (`channel:newsdesk`). Its bytes follow from the mail stored
-- for all and this row, so each retry sends the same.
CREATE TABLE messages (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  edition_id       INTEGER REFERENCES editions (id), -- → editions.id
  letter_id        INTEGER REFERENCES letters (id), -- → letters.id, of a message that is no edition
  variant          TEXT NOT NULL DEFAULT '',     -- → edition_mails.variant; empty: the edition’s own mail
  kind             TEXT NOT NULL CHECK (kind IN ('alert', 'digest', 'confirm', 'manage', 'notice')), -- `alert`, `digest`, `confirm`, `manage` or `notice`
  subscription_id  INTEGER REFERENCES subscriptions (id), -- → subscriptions.id; NULL of a notice, which nobody subscribes to
  address          TEXT NOT NULL,                -- empty once erased
  token            TEXT NOT NULL,                -- of the unsubscribe link; forgotten once the message is sent or its reader is gone
  message_id       TEXT NOT NULL UNIQUE,         -- the Message-ID; every retry carries the same
  state            TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'sent', 'unknown', 'dead', 'cancelled')), -- `waiting`, `claimed`, `sent`, `unknown` (the server may have taken it), `dead` or `cancelled`
  phase            TEXT NOT NULL DEFAULT 'queued' CHECK (phase IN ('queued', 'connect', 'data')), -- how far it is: `queued`, `connect` or `data`
  attempts         INTEGER NOT NULL DEFAULT 0,   -- how many there were
  next_attempt_at  TEXT NOT NULL,                -- when it is due
  held_at          TEXT,                         -- since when a restore holds it back; `outbox release` frees it
  claimed_by       TEXT,                         -- who carries it now
  claimed_until    TEXT,
  error            TEXT NOT NULL DEFAULT '',     -- what the last attempt met
  created_at       TEXT NOT NULL,
  settled_at       TEXT,
  retried_at       TEXT,                         -- when a person asked for another try; patience counts from there
  late             INTEGER NOT NULL DEFAULT 0,   -- 1: given up because time ran out; a later edition tells its stories
  told_in          INTEGER REFERENCES messages (id), -- → messages.id, the message of that edition
  CHECK ((edition_id IS NULL) != (letter_id IS NULL)),
  CHECK ((subscription_id IS NULL) = (kind = 'notice')),
  UNIQUE (edition_id, subscription_id)
)
;
-- Named one by one: steps before this one may have added columns in another order. By id: who tells comes after what is told.
INSERT INTO messages (id, edition_id, letter_id, variant, kind, subscription_id, address, token, message_id, state, phase,
  attempts, next_attempt_at, held_at, claimed_by, claimed_until, error, created_at, settled_at, retried_at, late)
SELECT id, edition_id, letter_id, variant, kind, subscription_id, address, token, message_id, state, phase,
  attempts, next_attempt_at, held_at, claimed_by, claimed_until, error, created_at, settled_at, retried_at, late FROM messages_before
;
UPDATE messages SET told_in = (SELECT b.told_in FROM messages_before b WHERE b.id = messages.id)
WHERE id IN (SELECT id FROM messages_before WHERE told_in IS NOT NULL)
;
ALTER TABLE attempts RENAME TO attempts_before
;
DROP INDEX attempts_by_message
;

-- One row: One try at handing a message to a transport.
CREATE TABLE attempts (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id  INTEGER NOT NULL REFERENCES messages (id), -- → messages.id
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
DROP TABLE letters_before
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

-- Which messages are not settled, and why?
-- Example: SELECT digest_id, address, state, attempts, error FROM outbox;
CREATE VIEW outbox AS
SELECT m.id, coalesce(ed.digest_id, '') AS digest_id, m.kind, coalesce(ed.subject, l.subject) AS subject, m.address, m.state,
       m.phase, m.attempts, m.next_attempt_at, m.held_at, m.error
FROM messages m LEFT JOIN editions ed ON ed.id = m.edition_id LEFT JOIN letters l ON l.id = m.letter_id
WHERE m.state IN ('waiting', 'claimed', 'unknown', 'dead') ORDER BY m.next_attempt_at
;
-- when the certificate that its server showed last runs out
ALTER TABLE feeds ADD COLUMN certificate_until TEXT
;
-- of the last document that was read: `RSS`, `Atom`, `RDF`, `CDF` or `JSON Feed`
ALTER TABLE feeds ADD COLUMN format TEXT NOT NULL DEFAULT ''
;

-- One row: A match that had been told before an older database was restored, by the log in `var/sent`: when its entry is
-- polled again, it is no news.
CREATE TABLE told_earlier (
  entry         TEXT NOT NULL,                  -- digest of feed and guid
  watchlist_id  TEXT NOT NULL,
  digest_id     TEXT NOT NULL,
  edition_id    INTEGER REFERENCES editions (id),  -- → editions.id, what told it; empty: passed over
  prominence    TEXT,                           -- the level it was told at
  at            TEXT NOT NULL,                  -- when
  PRIMARY KEY (entry, watchlist_id, digest_id)
) WITHOUT ROWID
;

-- One row: A day, and the last entry that was there when it was first tidied up: how old a name is whose entry is gone.
CREATE TABLE entry_days (
  day            TEXT NOT NULL PRIMARY KEY,     -- UTC
  last_entry_id  INTEGER NOT NULL
) WITHOUT ROWID
;
