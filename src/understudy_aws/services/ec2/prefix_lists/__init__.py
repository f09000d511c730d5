"""Managed prefix lists: those of an account, and those that AWS manages in each Region."""
