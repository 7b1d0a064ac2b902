-- What 0005_smaller has converted.
ALTER TABLE entries DROP COLUMN summary
;
ALTER TABLE entries DROP COLUMN content
;
ALTER TABLE entries DROP COLUMN fingerprint_hex
;
ALTER TABLE entry_revisions DROP COLUMN summary
;
ALTER TABLE entry_revisions DROP COLUMN content
;
DROP TABLE story_keys_before
;
