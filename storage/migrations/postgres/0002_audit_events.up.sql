-- Audit events. The columns are the event: there is no second copy of it.

CREATE TABLE audit_events (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    chain          TEXT COLLATE "C" NOT NULL,
    at             BIGINT           NOT NULL,
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
    -- For how many events it stands, where repeats were folded.
    folded         BIGINT,
    -- A JSON object.
    metadata       TEXT COLLATE "C",
    prev           TEXT COLLATE "C" NOT NULL,
    hash           TEXT COLLATE "C" NOT NULL
);

CREATE INDEX audit_events_chain ON audit_events (chain, id);
CREATE INDEX audit_events_time ON audit_events (at);
CREATE INDEX audit_events_project ON audit_events (project_id, id);
CREATE INDEX audit_events_token ON audit_events (token_id, id);
CREATE INDEX audit_events_request ON audit_events (request_id);
