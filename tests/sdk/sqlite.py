"""Runs one SQL statement on a SQLite database and prints how many rows it changed.

Usage: sqlite.py DATABASE STATEMENT [PARAMETER…]
"""

import sqlite3
import sys


def main() -> None:
    database, statement, *parameters = sys.argv[1:]
    connection = sqlite3.connect(database, timeout=10)
    with connection:
        print(connection.execute(statement, parameters).rowcount)
    connection.close()


main()
