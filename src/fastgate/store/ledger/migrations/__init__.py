"""The schema of the ledger, step by step. A step that has been released is never edited."""
