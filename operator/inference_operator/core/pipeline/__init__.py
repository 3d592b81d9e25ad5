"""Ingest pipelines: what one should be, what is there, what it needs, whose it is, and whether its tests pass. Pure."""
