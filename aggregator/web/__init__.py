"""Web pages: past editions to read, and the one-click end of a subscription. The reading room grows from here."""
