CREATE TABLE api_keys (
    id          TEXT PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL,
    -- SHA-256 of the key, which nobody can be told a second time.
    sha256      BLOB NOT NULL UNIQUE,
    -- With a space between two.
    permissions TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    used_ms     INTEGER,
    revoked_ms  INTEGER
);
