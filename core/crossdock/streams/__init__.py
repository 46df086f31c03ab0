"""Topics, processors, and the runtimes that run them."""
