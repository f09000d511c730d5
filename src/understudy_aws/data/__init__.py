"""AWS's own facts as data: managed policies, service-linked roles, regions."""
