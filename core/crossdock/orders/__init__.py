"""Life cycles of order, order line, fulfilment order, shipment and return. Pure functions and tables.

machine       what a state machine is, and how it takes late, repeated and impossible events
life_cycles   the five machines, as tables
quantities    where the units of an order line are; none is ever lost
effects       what has to be done outside after a change
fulfilment    what a node's answers and shipments do to a fulfilment order and its order
cancelling    cancelling lines, before and after a node was asked
order_state   the state of an order, derived from its lines
worklist      what a person has to decide: cause, owner, due time, proposed fix
diagrams      the tables as diagrams, for docs/life-cycles.md
"""
