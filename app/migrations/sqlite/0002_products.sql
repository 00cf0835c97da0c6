CREATE TABLE products (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    name  TEXT NOT NULL,
    price REAL NOT NULL DEFAULT 0
);

INSERT INTO products (name, price) VALUES
    ('Tide gauge', 249.00),
    ('Signal lamp', 89.50),
    ('Deck cleat', 12.75);
