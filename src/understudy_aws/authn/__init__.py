"""Authentication: verifies signatures and finds the callers behind access keys."""
