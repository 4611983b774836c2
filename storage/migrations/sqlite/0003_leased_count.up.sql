-- Requests that are out on lease: neither spent nor free. What is left is max_requests - request_count - leased_count.
ALTER TABLE tokens ADD COLUMN leased_count INTEGER NOT NULL DEFAULT 0;
