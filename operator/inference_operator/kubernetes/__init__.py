"""Everything that is said to Kubernetes but the watch that kopf keeps, and the only importer of its client."""
