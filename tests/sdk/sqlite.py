"""Does to a SQLite database what the program cannot be asked for.

Usage: sqlite.py run DATABASE STATEMENT [PARAMETER…]   runs a statement, prints how many rows it changed
       sqlite.py ask DATABASE STATEMENT                prints the rows that a statement gives, as JSON
       sqlite.py hold DATABASE                         keeps all others from writing until its input ends
"""

import json
import sqlite3
import sys


def main() -> None:
    mode, database, *rest = sys.argv[1:]
    connection = sqlite3.connect(database, timeout=10, isolation_level=None)
    if mode == "run":
        statement, *parameters = rest
        print(connection.execute(statement, parameters).rowcount)
    elif mode == "ask":
        print(json.dumps(connection.execute(*rest).fetchall()))
    else:
        connection.execute("BEGIN IMMEDIATE")
        print("held", flush=True)
        sys.stdin.read()
    connection.close()


main()
