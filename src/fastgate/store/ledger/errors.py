"""What can go wrong with the ledger's database. No message has the password of its URL."""


class LedgerError(Exception):
    """A sentence for people: which database, and what is the matter."""


class LedgerUnavailable(LedgerError):
    """It may work later: the disk is full, the server is away. Nothing of the transaction is stored."""


class LedgerUnusable(LedgerError):
    """It will not work by waiting: a wrong URL, no ledger, a newer or damaged schema."""


class LedgerOutdated(LedgerUnusable):
    """Its schema is older than this version, which can bring it up to date."""


class LedgerInUse(LedgerError):
    """Another process writes to this ledger."""


class LedgerConflict(LedgerUnusable):
    """The ledger has a row already that was to be new. Nothing of the transaction is stored."""
