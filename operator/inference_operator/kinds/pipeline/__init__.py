"""IngestPipeline between the shell and the adapters: what it needs, whose it is, its requests."""
