"""The life of a request: understood, known, allowed, carried out, remembered."""
