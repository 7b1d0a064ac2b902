"""kill -9 while a backup is made, while one is put in place, and before any statement of pruning and of a new search index."""
