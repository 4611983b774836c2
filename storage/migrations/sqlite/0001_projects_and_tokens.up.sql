-- Times are microseconds since 1970-01-01T00:00:00Z. Ids are UUIDs in their hyphenated form.

CREATE TABLE projects (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    -- Sealed (enc:v1:…). NULL once the project is deleted: the key is erased, the record stays for the history.
    api_key        TEXT,
    is_active      INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    deactivated_at INTEGER,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER
) STRICT;

-- A deleted project gives its name back. The comparison is of bytes: case, accents and spaces count.
CREATE UNIQUE INDEX projects_name ON projects (name) WHERE deleted_at IS NULL;
CREATE INDEX projects_newest ON projects (created_at, id);

CREATE TABLE tokens (
    id                  TEXT    NOT NULL PRIMARY KEY,
    project_id          TEXT    NOT NULL REFERENCES projects (id),
    -- HMAC-SHA-256 of the SHA-256 of the token's string; the string itself is kept nowhere.
    digest              BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    mask                TEXT    NOT NULL,
    expires_at          INTEGER NOT NULL,
    is_active           INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    request_count       INTEGER NOT NULL DEFAULT 0,
    -- NULL is unlimited, here and below.
    max_requests        INTEGER,
    requests_per_minute INTEGER,
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER,
    cache_hit_count     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX tokens_newest ON tokens (created_at, id);
CREATE INDEX tokens_of_project ON tokens (project_id, created_at, id);

-- Secrets of the installation itself, sealed, such as the key of the token digests.
CREATE TABLE secrets (
    name   TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
) STRICT;
