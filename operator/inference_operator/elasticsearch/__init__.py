"""Everything that is said to Elasticsearch, and the only importer of httpx."""
