"""Questions about everybody and about every request: who can, and whether it is so that nobody else can."""
