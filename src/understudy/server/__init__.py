"""Sockets in, gateway out."""
