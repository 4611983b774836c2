-- The fields of an audit event, as in the file. Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE audit_events (
    -- UUIDv7 in its hyphenated form: within a chain in the order in which things happened.
    id             TEXT    NOT NULL PRIMARY KEY,
    chain          TEXT    NOT NULL,
    timestamp      INTEGER NOT NULL,
    action         TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,
    reason         TEXT,
    project_id     TEXT,
    token_id       TEXT,
    request_id     TEXT,
    correlation_id TEXT,
    client_ip      TEXT,
    method         TEXT,
    path           TEXT,
    user_agent     TEXT,
    count          INTEGER,
    -- JSON.
    metadata       TEXT,
    -- Hexadecimal SHA-256.
    prev           TEXT    NOT NULL,
    hash           TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_events_of_chain ON audit_events (chain, id);
CREATE INDEX audit_events_by_time ON audit_events (timestamp, id);
CREATE INDEX audit_events_of_project ON audit_events (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX audit_events_of_token ON audit_events (token_id, id) WHERE token_id IS NOT NULL;
CREATE INDEX audit_events_of_request ON audit_events (request_id) WHERE request_id IS NOT NULL;
