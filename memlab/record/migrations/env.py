"""How Alembic runs the migrations: on the connection that `database.py` hands over."""

from alembic import context

from memlab.record.database import VERSION_TABLE

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table=VERSION_TABLE, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
