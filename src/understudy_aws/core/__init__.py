"""Plain values that all other packages use: errors, HTTP messages, ARNs, ids and time."""
