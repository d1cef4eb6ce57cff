"""Running a scenario in virtual time: once into a run's folder, many times for intervals.

``run`` simulates a network and writes its folder; ``replicate``, ``compare`` and ``sweep`` run
variants and seeds for their figures. ``workers`` spreads all of it over processes. Importing this
package loads nothing.
"""
