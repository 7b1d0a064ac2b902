"""Engines: what stands between a line that is wanted and its run. Correctness is the store's; an engine may lose, repeat and delay."""
