-- Whether a feed was in hand when the process that polled it fell: then its documents are read by a worker.
ALTER TABLE feeds ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0
;
