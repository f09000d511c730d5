"""The engine: documents reviewed and compiled, questions decided."""
