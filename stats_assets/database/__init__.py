"""PostgreSQL: connection, migrations, ledger, facts, statistics. All SQL of the project lives here."""
