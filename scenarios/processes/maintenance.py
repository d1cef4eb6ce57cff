"""A process of your own: one site after the other runs at half its limit while it is maintained."""


def maintenance(world, hours=2.0, first=6.0):
    """Called with the simulated world when the run begins; each ``yield`` waits in plan time."""
    yield world.env.timeout(first * 3600)
    for site in world.sites.values():
        limit_kw = site.limit_kw
        site.set_limit(limit_kw / 2)
        yield world.env.timeout(hours * 3600)
        site.set_limit(limit_kw)
