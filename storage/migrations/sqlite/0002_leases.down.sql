-- What is out on lease is taken as spent: that can lose requests, never invent them.
UPDATE tokens SET request_count = request_count + leased_count;
ALTER TABLE tokens DROP COLUMN leased_count;
