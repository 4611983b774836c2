-- The fields of an audit event, as in the file. Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE audit_events (
    -- UUIDv7 in its hyphenated form: within a chain in the order in which things happened.
    id             CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    chain          CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    `timestamp`    BIGINT       NOT NULL,
    action         VARCHAR(255) NOT NULL,
    actor          VARCHAR(255) NOT NULL,
    outcome        VARCHAR(255) NOT NULL,
    reason         VARCHAR(255),
    project_id     CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
    token_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
    request_id     TEXT,
    correlation_id TEXT,
    client_ip      VARCHAR(64),
    method         TEXT,
    path           MEDIUMTEXT,
    user_agent     MEDIUMTEXT,
    count          BIGINT,
    -- JSON, as text: its members keep their order and its numbers their form.
    metadata       MEDIUMTEXT,
    -- Hexadecimal SHA-256.
    prev           CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash           CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    INDEX audit_events_of_chain (chain, id),
    INDEX audit_events_by_time (`timestamp`, id),
    INDEX audit_events_of_project (project_id, id),
    INDEX audit_events_of_token (token_id, id),
    -- Whatever length a client gives its request's id; an index takes the beginning.
    INDEX audit_events_of_request (request_id(64))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
