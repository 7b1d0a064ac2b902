-- For years unattended: what whoever runs this is told.

-- One row: a notice to the operator. It lasts while what it is about does; it is told once, and its end once.
CREATE TABLE notices (
  about     TEXT NOT NULL PRIMARY KEY,
  level     TEXT NOT NULL CHECK (level IN ('error', 'warning')),
  what      TEXT NOT NULL,
  do        TEXT NOT NULL,
  began_at  TEXT NOT NULL,
  seen_at   TEXT NOT NULL,
  told_at   TEXT,
  ended_at  TEXT
) WITHOUT ROWID
;
