"""Makes the database that is published; it is part of what was built, and read-only when it runs."""

import sqlite3

ELEMENTS = [
    (1, "H", "Hydrogen"),
    (2, "He", "Helium"),
    (3, "Li", "Lithium"),
    (6, "C", "Carbon"),
    (8, "O", "Oxygen"),
]

with sqlite3.connect("elements.db") as database:
    database.execute("CREATE TABLE elements (number INTEGER PRIMARY KEY, symbol TEXT, name TEXT)")
    database.executemany("INSERT INTO elements VALUES (?, ?, ?)", ELEMENTS)
