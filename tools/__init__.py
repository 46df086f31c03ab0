"""Tools of those who work on Crossdock; not shipped."""
