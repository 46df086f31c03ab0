"""Mutation check: break one thing in the pure core, and see whether a test notices (``make mutation``)."""
