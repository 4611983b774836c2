-- Times are microseconds since 1970-01-01T00:00:00Z. Ids are UUIDs in their hyphenated form.
-- utf8mb4_bin is the one binary collation that MySQL and MariaDB share. It leaves out spaces at the end, so what must be
-- compared exactly is compared as bytes.

CREATE TABLE projects (
    id             CHAR(36)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    name           VARCHAR(255) NOT NULL,
    provider       VARCHAR(255) NOT NULL,
    -- Sealed (enc:v1:…). NULL once the project is deleted: the key is erased, the record stays for the history.
    api_key        TEXT,
    is_active      BOOLEAN      NOT NULL,
    deactivated_at BIGINT,
    created_at     BIGINT       NOT NULL,
    updated_at     BIGINT       NOT NULL,
    deleted_at     BIGINT,
    -- A deleted project gives its name back. Case, accents and spaces count.
    living_name    VARBINARY(1020) AS (CASE WHEN deleted_at IS NULL THEN CAST(name AS BINARY) END) VIRTUAL,
    UNIQUE INDEX projects_name (living_name),
    INDEX projects_newest (created_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE tokens (
    id                  CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    project_id          CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- HMAC-SHA-256 of the SHA-256 of the token's string; the string itself is kept nowhere.
    digest              BINARY(32)   NOT NULL,
    mask                VARCHAR(255) NOT NULL,
    expires_at          BIGINT       NOT NULL,
    is_active           BOOLEAN      NOT NULL,
    request_count       BIGINT       NOT NULL DEFAULT 0,
    -- NULL is unlimited, here and below.
    max_requests        BIGINT,
    requests_per_minute BIGINT,
    created_at          BIGINT       NOT NULL,
    last_used_at        BIGINT,
    cache_hit_count     BIGINT       NOT NULL DEFAULT 0,
    UNIQUE INDEX tokens_digest (digest),
    INDEX tokens_newest (created_at, id),
    INDEX tokens_of_project (project_id, created_at, id),
    CONSTRAINT tokens_project FOREIGN KEY (project_id) REFERENCES projects (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Secrets of the installation itself, sealed, such as the key of the token digests.
CREATE TABLE secrets (
    name   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
