"""The journey of a request, one file a phase; `run` shows it in one screen."""
