"""The administrative API: what a server does for its owner, beside AWS's API."""
