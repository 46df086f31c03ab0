"""The connectors that ship with Crossdock, one folder a system."""
