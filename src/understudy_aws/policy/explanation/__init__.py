"""Explanations of decisions: a second evaluation that keeps every reason, and what people read of it."""
