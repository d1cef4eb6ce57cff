"""How a behaviour of the station is switched off, and the form of the table that says it.

A switch replaces one function (wherever it is referred to), one value, or one field of a version's
table. It is thrown in a process of its own (``switch_off.py``), so that nothing is ever undone.
"""

import dataclasses
import sys
from collections.abc import Callable
from importlib import import_module

TABLES = {}


def tables():
    """The version tables, imported when first asked for."""
    if not TABLES:
        for module in ("v16", "v201"):
            table = import_module(f"simulator.station.{module}").TABLE
            TABLES[table.version] = table
    return TABLES


@dataclasses.dataclass(frozen=True)
class Switch:
    """Without ``what``, every one of ``tests`` must fail (of a parametrized one some case)."""

    what: str
    off: Callable[[], None]
    tests: tuple[str, ...]

    def ready(self, tests):
        """Are its tests among those that there are?"""
        return set(self.tests) <= tests


@dataclasses.dataclass(frozen=True)
class Row:
    """A behaviour that a real station shows.

    ``switches`` prove it; ``missing`` says what of it has no proof, and why. ``until``: why there
    is none yet, where none of the tests is there that the switches name.
    """

    key: str
    behaviour: str
    where: str
    switches: tuple[Switch, ...] = ()
    missing: str = ""
    until: str = ""

    def why_not(self, tests):
        """What is not covered, given the names of all tests; "" if all of it is."""
        ready = all(switch.ready(tests) for switch in self.switches)
        return "; ".join(why for why in ("" if ready else self.until, self.missing) if why)


def find(name):
    """``station.rpc.pump`` or ``live.target.Target.path``: its owner, its last name, its value."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            owner = import_module(".".join(("simulator", *parts[:end])))
        except ModuleNotFoundError:
            continue
        for part in parts[end:-1]:
            owner = getattr(owner, part)
        return owner, parts[-1], getattr(owner, parts[-1])
    raise LookupError(name)


def instead(name, make):
    """Replace a function by ``make(function)``, wherever modules and version tables refer to it."""

    def off():
        tables()
        owner, last, was = find(name)
        new = make(was)
        setattr(owner, last, new)
        for module in [m for n, m in sys.modules.items() if n.startswith("simulator.")]:
            for key, value in list(vars(module).items()):
                if value is was:
                    setattr(module, key, new)
        for table in TABLES.values():
            for thing in (table, *table.actions.values(), *table.requests.values()):
                for field in dataclasses.fields(thing):
                    if getattr(thing, field.name) is was:
                        object.__setattr__(thing, field.name, new)

    return off


def without(name, result=None):
    """The function does nothing but return ``result``."""
    return instead(name, lambda was: lambda *args, **kwargs: result)


def before(name, act):
    """``act`` (same arguments) spoils things before the function runs."""

    def make(was):
        def new(*args, **kwargs):
            act(*args)
            return was(*args, **kwargs)

        return new

    return instead(name, make)


def after(name, act):
    """``act`` (same arguments) spoils things after the function has run."""

    def make(was):
        def new(*args, **kwargs):
            result = was(*args, **kwargs)
            act(*args)
            return result

        return new

    return instead(name, make)


def changed(name, change):
    """The function's result goes through ``change(result, *its arguments)``."""

    def make(was):
        return lambda *args, **kwargs: change(was(*args, **kwargs), *args)

    return instead(name, make)


def value(name, new):
    """A module's constant."""

    def off():
        tables()
        owner, last, _ = find(name)
        setattr(owner, last, new)

    return off


def table(version, **fields):
    """Fields of a version's table."""

    def off():
        for name, new in fields.items():
            object.__setattr__(tables()[version], name, new)

    return off


def action(version, names, **fields):
    """Fields of how a version's table has some messages sent."""

    def off():
        for name in names.split():
            for field, new in fields.items():
                object.__setattr__(tables()[version].actions[name], field, new)

    return off


def configured(**fields):
    """Whatever the configuration says, these settings are so."""

    def spoil(conf, *args):
        for name, new in fields.items():
            setattr(conf, name, new)
        return conf

    def off():
        for module in ("v16_keys", "v201_configure"):
            changed(f"station.{module}.configure", spoil)()

    return off


def every(*offs):
    """All of these that there are (at least one): a behaviour may have moved or have two places."""

    def off():
        thrown = 0
        for one in offs:
            try:
                one()
                thrown += 1
            except (LookupError, AttributeError):
                continue
        assert thrown, "nothing to switch off"

    return off


def put(owner, **fields):
    """Set attributes, in an expression."""
    for name, new in fields.items():
        setattr(owner, name, new)
