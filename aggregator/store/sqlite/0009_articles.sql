-- The validators of a page in which no text was found: the second look is conditional.

-- of a page in which no text was found
ALTER TABLE articles ADD COLUMN etag TEXT NOT NULL DEFAULT ''
;
-- likewise
ALTER TABLE articles ADD COLUMN last_modified TEXT NOT NULL DEFAULT ''
;
-- `matched` is a further word; SQLite changes no CHECK, so the column is made anew.

-- `never`, `matched`, `short` or `all`: whose article pages are fetched
ALTER TABLE feeds ADD COLUMN articles_word TEXT NOT NULL DEFAULT 'never'
  CHECK (articles_word IN ('never', 'matched', 'short', 'all'))
;
UPDATE feeds SET articles_word = articles
;
ALTER TABLE feeds DROP COLUMN articles
;
ALTER TABLE feeds RENAME COLUMN articles_word TO articles
;
