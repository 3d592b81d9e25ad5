"""InferenceEndpoint between the shell and the adapters: its Secrets, its probes, its requests."""
