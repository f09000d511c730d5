"""Understudy plays AWS App Runner's networking role, and the services around it, on your own machine."""

__version__ = "0.1.0"
