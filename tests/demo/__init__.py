"""`make demo`: the operator's job as a story that a newcomer follows line by line, against a real API server."""
