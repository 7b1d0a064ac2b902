"""The store in SQL that SQLite and PostgreSQL both read; each says for itself how it is connected to, and finds words."""
