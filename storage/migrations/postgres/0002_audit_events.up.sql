-- The fields of an audit event, as in the file. Times are microseconds since 1970-01-01T00:00:00Z.
-- Text holds any character but U+0000, which the program writes as U+10FFFF and a digit.

CREATE TABLE audit_events (
    -- UUIDv7 in its hyphenated form: within a chain in the order in which things happened.
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    chain          TEXT COLLATE "C" NOT NULL,
    "timestamp"    BIGINT NOT NULL,
    action         TEXT COLLATE "C" NOT NULL,
    actor          TEXT COLLATE "C" NOT NULL,
    outcome        TEXT COLLATE "C" NOT NULL,
    reason         TEXT COLLATE "C",
    project_id     TEXT COLLATE "C",
    token_id       TEXT COLLATE "C",
    request_id     TEXT COLLATE "C",
    correlation_id TEXT COLLATE "C",
    client_ip      TEXT COLLATE "C",
    method         TEXT COLLATE "C",
    path           TEXT COLLATE "C",
    user_agent     TEXT COLLATE "C",
    count          BIGINT,
    -- JSON, as text: its members keep their order and its numbers their form.
    metadata       TEXT,
    -- Hexadecimal SHA-256.
    prev           TEXT COLLATE "C" NOT NULL,
    hash           TEXT COLLATE "C" NOT NULL
);

CREATE INDEX audit_events_of_chain ON audit_events (chain, id);
CREATE INDEX audit_events_by_time ON audit_events ("timestamp", id);
CREATE INDEX audit_events_of_project ON audit_events (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX audit_events_of_token ON audit_events (token_id, id) WHERE token_id IS NOT NULL;
-- Whatever length a client gives its request's id; a tree's entries are limited.
CREATE INDEX audit_events_of_request ON audit_events USING hash (request_id);
