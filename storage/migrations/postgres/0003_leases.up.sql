-- Requests that instances have taken off a limited token and not yet counted as made or given back. What an instance
-- held when it died stays here for ever.
ALTER TABLE tokens ADD COLUMN leased_count BIGINT NOT NULL DEFAULT 0;
