"""The condition operators, one kind per module."""
