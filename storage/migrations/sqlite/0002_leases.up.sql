-- Requests out on lease: set aside by an instance and not spent, or spent and not in request_count yet. What remains of
-- a limit is max_requests - request_count - leased_count.
ALTER TABLE tokens ADD COLUMN leased_count INTEGER NOT NULL DEFAULT 0;
