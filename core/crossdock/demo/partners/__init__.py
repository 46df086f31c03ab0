"""Partners of the retailer, simulated: each speaks its real protocol on the loopback and keeps books of its own."""
