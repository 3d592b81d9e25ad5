"""What the operator tells about itself in figures. The only package that may import prometheus_client."""
