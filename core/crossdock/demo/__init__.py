"""``crossdock demo``: a retailer whose partners are simulated, but speak their real protocols on the loopback.

The hub in it is the same as ``crossdock run`` starts, with a configuration that can be read and run again.
"""
