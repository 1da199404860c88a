"""Finding the token of a key: one row, one query."""
