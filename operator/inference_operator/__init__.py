"""Kubernetes operator for Elasticsearch inference endpoints and ingest pipelines."""
