"""Measuring a run: histograms, counters, per-second series, validity, SLOs and the verdict.

Nothing here opens a socket or asks what time it is: times come in as seconds on the run's clock.
``recorder.Recorder`` watches one shard; ``measurement.merge`` adds shards up; ``validity``, ``slo``
and ``verdict`` judge the sum.
"""
