"""What survives a translation: a table made by running the translators (`docs/providers.md` has it)."""
