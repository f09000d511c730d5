"""What every operation of EC2 is made of: its errors, ids, parameters, filters, pages, tags and targets."""
