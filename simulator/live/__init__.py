"""The live driver: a fleet on the wall clock and on real sockets.

``run`` is the parent's side (no event loop), ``shard`` the process that owns sockets and stations.
Nothing here knows what an OCPP message means: that is ``station``'s.
"""
