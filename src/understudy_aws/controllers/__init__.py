"""Loops that make the world agree with the records, without anyone waiting."""
