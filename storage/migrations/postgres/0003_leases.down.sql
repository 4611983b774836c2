-- What was out is as good as used.
UPDATE tokens SET request_count = request_count + leased_count;
ALTER TABLE tokens DROP COLUMN leased_count;
