"""Crossdock: the integration hub of a distributed order management network."""
