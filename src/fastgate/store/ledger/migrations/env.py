"""Run by Alembic for each command: on the connection, and within the transaction, that it is given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
