"""Requests from outside, led to the instances of services."""
