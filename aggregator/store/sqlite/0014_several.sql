-- One row: A worker (`aggregator worker`), as it last said of itself. Only several machines on one database have any.
CREATE TABLE workers (
  name        TEXT NOT NULL PRIMARY KEY,        -- machine, process, start of it and a die: what stands before the / of its claims
  host        TEXT NOT NULL,                    -- the machine
  pid         INTEGER NOT NULL,
  version     TEXT NOT NULL,                    -- of the program
  lines       TEXT NOT NULL,                    -- JSON list: what it runs
  leads       INTEGER NOT NULL DEFAULT 0,       -- whether it looks at the clock for all
  started_at  TEXT NOT NULL,
  beat_at     TEXT NOT NULL,                    -- when it last said that it lives, by its own clock
  counts      TEXT NOT NULL DEFAULT '{}',       -- JSON object: what it has done since its start
  health      TEXT NOT NULL DEFAULT '{}'        -- JSON object: how its lines are doing
) WITHOUT ROWID
;

-- One row: A host that a process asks, or asked a moment ago; meanwhile no other one does. Free when its time is over.
CREATE TABLE host_claims (
  host           TEXT NOT NULL PRIMARY KEY,     -- scheme, name and port
  claimed_by     TEXT,                          -- the process: what stands before the / of its other claims
  claimed_until  TEXT,
  rests_until    TEXT                           -- not before this by another process, whatever this one asks meanwhile
) WITHOUT ROWID
;
CREATE INDEX host_claims_by_end ON host_claims (claimed_until)
;
CREATE INDEX feeds_claimed ON feeds (claimed_by) WHERE claimed_by IS NOT NULL
;
CREATE INDEX articles_claimed ON articles (claimed_by) WHERE claimed_by IS NOT NULL
;
CREATE INDEX messages_claimed ON messages (claimed_by) WHERE claimed_by IS NOT NULL
;
