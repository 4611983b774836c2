-- Audit events. The columns are the event: there is no second copy of it.

CREATE TABLE audit_events (
    id             CHAR(36)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    chain          CHAR(36)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at             BIGINT        NOT NULL,
    action         VARCHAR(64)   NOT NULL,
    actor          VARCHAR(64)   NOT NULL,
    outcome        VARCHAR(64)   NOT NULL,
    reason         VARCHAR(255),
    project_id     CHAR(36)      CHARACTER SET ascii COLLATE ascii_bin,
    token_id       CHAR(36)      CHARACTER SET ascii COLLATE ascii_bin,
    request_id     VARCHAR(1024),
    correlation_id VARCHAR(1024),
    client_ip      VARCHAR(64),
    method         VARCHAR(1024),
    path           MEDIUMTEXT,
    user_agent     MEDIUMTEXT,
    -- For how many events it stands, where repeats were folded.
    folded         BIGINT,
    -- A JSON object.
    metadata       MEDIUMTEXT,
    prev           CHAR(64)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash           CHAR(64)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    INDEX audit_events_chain (chain, id),
    INDEX audit_events_time (at),
    INDEX audit_events_project (project_id, id),
    INDEX audit_events_token (token_id, id),
    INDEX audit_events_request (request_id(64))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
