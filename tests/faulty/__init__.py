"""The product itself, whose steps and phases go wrong where a test says so: run by the real local runtime."""
