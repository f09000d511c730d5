"""Plain values everything else is made of: errors, HTTP messages, names, time."""
