"""The hub's edges: what comes in from partners becomes raw records and canonical documents, commands go out."""
