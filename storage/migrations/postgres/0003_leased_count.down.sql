ALTER TABLE tokens DROP COLUMN leased_count;
