"""AWS's protocols: which operation, with which parameters, and how to say the answer."""
