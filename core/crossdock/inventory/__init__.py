"""Inventory: positions, the ledger, feeds, availability, reservations. Pure functions on snapshots.

    position       buckets of a (SKU, node) and the movements they are the sum of
    feeds          what a node counted, full or delta, physical or available
    facts          what a node did: shipped, received, adjusted, returned, quarantined, transferred
    promises       reserve, extend, confirm, release, move, expire, allocate
    availability   available to promise, for one position and for many
    safety_stock   rules by product attribute, node group and channel
    lots           units that expire together, the first to expire out first
    ring_fences    stock kept for one channel
    inbound        supply that is due
    back_orders    who waits for it: promised once, the earliest to the oldest
    shortfalls     who goes without when reality falls below what is promised
    publishing     which numbers a channel has to be told
    invariants     what must hold at every moment

The store loads what a whole batch needs, these functions decide, the store writes their result.
"""
