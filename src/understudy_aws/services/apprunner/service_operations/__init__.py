"""What operations do to services, step by step (docs/decisions/0030)."""
