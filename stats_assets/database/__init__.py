"""PostgreSQL: connection, embedded server, migrations, ledger, facts, statistics. All SQL of the project lives here."""
