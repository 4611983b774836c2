"""Does to a SQLite database what the program cannot be asked for.

Usage: sqlite.py run DATABASE STATEMENT [PARAMETER…]   runs a statement, prints how many rows it changed
       sqlite.py ask DATABASE STATEMENT                prints the rows that a statement gives, as JSON
       sqlite.py hold DATABASE                         keeps all others from writing until its input ends
       sqlite.py exclude DATABASE                      keeps them from reading too; the database has a write-ahead log
"""

import fcntl
import json
import sqlite3
import sys

# The locks of a write-ahead log are these bytes of the file beside it (https://www.sqlite.org/walformat.html, 2.3.1).
FIRST_LOCK, LOCKS = 120, 8


def wait() -> None:
    print("held", flush=True)
    sys.stdin.read()


def main() -> None:
    mode, database, *rest = sys.argv[1:]
    if mode == "exclude":
        with open(f"{database}-shm", "r+b") as locks:
            fcntl.lockf(locks, fcntl.LOCK_EX, LOCKS, FIRST_LOCK)
            wait()
        return
    connection = sqlite3.connect(database, timeout=10, isolation_level=None)
    if mode == "run":
        statement, *parameters = rest
        print(connection.execute(statement, parameters).rowcount)
    elif mode == "ask":
        print(json.dumps(connection.execute(*rest).fetchall()))
    else:
        connection.execute("BEGIN EXCLUSIVE")
        wait()
    connection.close()


main()
