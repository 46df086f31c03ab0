"""Tries orders: decides them as routing would, and writes nothing."""
