"""The least-privilege policy for questions that were observed: real ARNs, narrowing conditions, proven by replay."""
