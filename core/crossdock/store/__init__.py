"""SQL: tables, migrations, transactions, and set-based functions on them, the same on SQLite and PostgreSQL."""
