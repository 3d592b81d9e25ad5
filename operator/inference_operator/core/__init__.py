"""The functional core: total, pure, synchronous. No clock, no chance, no I/O; those come in as arguments."""
