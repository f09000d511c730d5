"""Reachability paths: between which resources an analysis is to look for a way (network-insights.md 14.1)."""
