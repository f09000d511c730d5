"""AWS Organizations: accounts in a tree, and the policies that bound what can be done in them."""
