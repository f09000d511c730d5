"""Blocks of addresses of VPCs and subnets: their associations, their rules, and reservations inside of subnets."""
