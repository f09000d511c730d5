"""The registry's HTTP API, by which docker and others push and pull (docs/decisions/0032)."""
