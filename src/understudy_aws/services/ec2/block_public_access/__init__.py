"""VPC Block Public Access: the setting of an account in a Region, and the VPCs and subnets it does not hold for."""
