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
