"""VPC endpoints, AWS's services that they are made to, and endpoint services of one's own."""
