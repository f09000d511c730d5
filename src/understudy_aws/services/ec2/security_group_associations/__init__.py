"""Associations of security groups with other VPCs than their own."""
