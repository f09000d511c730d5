"""Who is calling: signatures verified, keys turned into callers."""
