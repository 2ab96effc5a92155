"""The ledger's databases, as the tests of the store have them."""

from tests.unit.store.ledger.conftest import ledger, postgres, url

__all__ = ["ledger", "postgres", "url"]
