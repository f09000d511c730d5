"""The language of policies: documents and their JSON, patterns, variables, condition keys, and questions."""
