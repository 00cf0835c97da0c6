-- Times are milliseconds after 1970, UTC.
CREATE TABLE users (
    id          TEXT PRIMARY KEY NOT NULL,
    -- What others call them.
    name        TEXT NOT NULL,
    -- What they sign in with, in lower case: unique without regard to case.
    login       TEXT NOT NULL UNIQUE,
    -- The password's hash, with its salt and parameters.
    password    TEXT NOT NULL,
    -- Beyond the application's rules, as `read:chat:*`, with spaces between them.
    permissions TEXT NOT NULL DEFAULT '',
    created     INTEGER NOT NULL
);

CREATE TABLE sessions (
    id      TEXT PRIMARY KEY NOT NULL,
    -- The SHA-256 of the cookie's token. The token itself is only in the browser.
    token   TEXT NOT NULL UNIQUE,
    owner   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    seen    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    -- Which browser on which system.
    agent   TEXT NOT NULL
);

CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE INDEX sessions_by_expiry ON sessions (expires);
