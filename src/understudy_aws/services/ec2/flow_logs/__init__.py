"""VPC flow logs: what is to be logged of a VPC, a subnet or a network interface, and where to (flow-logs.md 13.1)."""
