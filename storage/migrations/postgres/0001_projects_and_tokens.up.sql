-- Times are microseconds since 1970-01-01T00:00:00Z. Ids are UUIDs in their hyphenated form.
-- Text is compared by its bytes, whatever the database's own collation is.

CREATE TABLE projects (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name           TEXT COLLATE "C" NOT NULL,
    provider       TEXT COLLATE "C" NOT NULL,
    -- Sealed (enc:v1:…). NULL once the project is deleted: the key is erased, the record stays for the history.
    api_key        TEXT,
    is_active      BOOLEAN NOT NULL,
    deactivated_at BIGINT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT
);

-- A deleted project gives its name back. Case, accents and spaces count.
CREATE UNIQUE INDEX projects_name ON projects (name) WHERE deleted_at IS NULL;
CREATE INDEX projects_newest ON projects (created_at, id);

CREATE TABLE tokens (
    id                  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project_id          TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    -- HMAC-SHA-256 of the SHA-256 of the token's string; the string itself is kept nowhere.
    digest              BYTEA NOT NULL UNIQUE CHECK (length(digest) = 32),
    mask                TEXT NOT NULL,
    expires_at          BIGINT NOT NULL,
    is_active           BOOLEAN NOT NULL,
    request_count       BIGINT NOT NULL DEFAULT 0,
    -- NULL is unlimited, here and below.
    max_requests        BIGINT,
    requests_per_minute BIGINT,
    created_at          BIGINT NOT NULL,
    last_used_at        BIGINT,
    cache_hit_count     BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX tokens_newest ON tokens (created_at, id);
CREATE INDEX tokens_of_project ON tokens (project_id, created_at, id);

-- Secrets of the installation itself, sealed, such as the key of the token digests.
CREATE TABLE secrets (
    name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
);
