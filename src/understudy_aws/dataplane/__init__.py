"""What the records of EC2 look like as a network of this machine: wanted state, and the drivers that make it so."""
