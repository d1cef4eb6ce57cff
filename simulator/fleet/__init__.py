"""The fleet: virtual stations, each an OCPP station with charging sessions and a plan to replay.

``liveplan`` turns the engine's plan into what each station does in run time, ``virtual`` plays it
at its ``bays``, ``predict`` counts the messages that playing it will cause. ``agenda`` holds the
one set of rules that playing and counting share. ``stages`` says when each station connects,
``identity`` and ``inventory`` who it is, ``ledger`` what it knows about its transactions.

No sockets and no clock here: whoever drives the stations hands in the time.
"""
