"""Mapping files, their tests and look-up tables: data only."""
