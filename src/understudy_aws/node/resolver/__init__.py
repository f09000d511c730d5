"""The resolver of each VPC: answers DNS at the VPC's addresses for it, with what is known of the VPC alone."""
