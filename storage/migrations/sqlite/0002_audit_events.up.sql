-- Audit events. The columns are the event: there is no second copy of it.

CREATE TABLE audit_events (
    id             TEXT NOT NULL PRIMARY KEY,
    chain          TEXT NOT NULL,
    at             INTEGER NOT NULL,
    action         TEXT NOT NULL,
    actor          TEXT NOT NULL,
    outcome        TEXT NOT NULL,
    reason         TEXT,
    project_id     TEXT,
    token_id       TEXT,
    request_id     TEXT,
    correlation_id TEXT,
    client_ip      TEXT,
    method         TEXT,
    path           TEXT,
    user_agent     TEXT,
    -- For how many events it stands, where repeats were folded.
    folded         INTEGER,
    -- A JSON object.
    metadata       TEXT,
    prev           TEXT NOT NULL,
    hash           TEXT NOT NULL
) STRICT;

CREATE INDEX audit_events_chain ON audit_events (chain, id);
CREATE INDEX audit_events_time ON audit_events (at);
CREATE INDEX audit_events_project ON audit_events (project_id, id);
CREATE INDEX audit_events_token ON audit_events (token_id, id);
CREATE INDEX audit_events_request ON audit_events (request_id);
