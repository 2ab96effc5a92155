"""`python -m fastgate.store.ledger`: bring a ledger to the schema of this version (see `migrate`)."""

import os
import sys
from pathlib import Path

import msgspec

from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerError, LedgerUnavailable
from fastgate.store.ledger.migrate import Place


def main() -> int:
    """The exit code; what is wrong goes to standard error."""
    place = msgspec.json.decode(sys.stdin.buffer.read(), type=Place)
    try:
        LedgerDatabase.open(place.url, Path(place.data_dir)).close()
    except LedgerError as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_TEMPFAIL if isinstance(error, LedgerUnavailable) else os.EX_DATAERR
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
