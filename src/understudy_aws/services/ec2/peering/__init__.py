"""VPC peering connections: two VPCs, of one account or two and of one Region or two, that reach each other."""
