CREATE TABLE notes (
    id     TEXT PRIMARY KEY NOT NULL,
    -- Whose it is: the id of a guest or a user.
    owner  TEXT NOT NULL,
    -- What others call the owner. In the row, so that it travels with every change of it.
    author TEXT NOT NULL,
    text   TEXT NOT NULL,
    shared BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE INDEX notes_by_owner ON notes (owner);
