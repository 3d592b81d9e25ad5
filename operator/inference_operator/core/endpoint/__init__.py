"""InferenceEndpoint: how it is compared, planned for and reported. Pure."""
