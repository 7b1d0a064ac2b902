-- Whether a feed was in hand when the process that polled it fell: then its documents are read by a worker.

-- 1: whoever polled it last did not come to an end; its next document is read by a worker
ALTER TABLE feeds ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0
;
-- What is kept of a document has another form; until it has come again, it is read whole.
DELETE FROM documents
;
ALTER TABLE documents DROP COLUMN seen
;
