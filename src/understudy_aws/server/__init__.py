"""The HTTP edge: connections, requests and answers."""
