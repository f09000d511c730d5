"""The node: the process that owns what runs on this machine. The server tells it what is wanted over a Unix socket.

It is a process of its own so that services go on when the server stops, and so that what touches the kernel is small.
"""
