ALTER TABLE messages ADD COLUMN arrived_at TEXT COLLATE "C"  -- when a copy was seen in the canary’s mailbox; NULL of what goes to anybody else
;
