"""``crossdock.yaml``: connections, channels, nodes, policies. ``load`` reads it, ``network`` compiles it."""
