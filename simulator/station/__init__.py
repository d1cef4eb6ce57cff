"""A charging station without I/O: frames and events in, frames and wishes out.

Public: ``Station`` (station.py), ``Identity`` and ``Settings`` (settings.py), the version tables
(v16.py: ``TABLE``), ``Event`` (events.py), the effects (effects.py) and the ports (ports.py).
Nothing here opens a socket, reads a clock or draws a random number.
"""
