"""``chargeswarm reconcile``: parse, call, print. Registered by `cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli_options import Verdict, column_roles
from simulator.console import print_table

EXIT_DIFFERENT = 2
_SHOWN = 5


def reconcile(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A live run's folder.")],
    against: Annotated[
        str,
        typer.Option(
            metavar="FILE|URL",
            help="The CSMS's records: a CSV file, an SQLite file, or a database's URL "
            "(postgresql://..., with the package sqlalchemy and a driver installed).",
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option(metavar="NAME|SELECT", help="Table or query in the database: transactions."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="ROLE=NAME",
            help="Which column is station, connector, token, transaction, start, stop, "
            "meter_start, meter_stop (Wh) or energy (Wh; kWh if its name says so). Common names "
            "are found. Repeatable.",
        ),
    ] = None,
) -> None:
    """Compare every transaction that the stations know with what the CSMS recorded.

    Lists each difference: lost, doubled, a wrong energy, token or time. Writes them to the run's
    folder (reconciliation.parquet, summary.json) and draws the report again. Exit code 2 if the
    CSMS has something to answer for.

    Example: chargeswarm reconcile results/city-launch-... --against csms.sqlite
    """
    from simulator.reconciliation import reconcile_run, told
    from simulator.report import render

    done, records, found = reconcile_run(
        run, against, table=table, columns=column_roles(column or [])
    )
    print(f"{records.source}: {len(records.rows)} records", end="")
    print(f", {found.elsewhere} of other stations or times" if found.elsewhere else "")
    print(f"{found.matched} of {found.compared} transactions found there")
    rows = told(found)
    if rows:
        print_table(("", "count", ""), [(kind, str(n), meaning) for kind, n, meaning in rows])
        for difference in found.differences[:_SHOWN]:
            said = [
                difference.kind,
                difference.station,
                f"connector {difference.connector}",
                f"token {difference.token}",
                f"id {difference.transaction_id} / {difference.their_id}",
                " / ".join(filter(None, (difference.ours, difference.theirs))),
            ]
            print("  " + ", ".join(filter(None, said)))
        if len(found.differences) > _SHOWN:
            print(f"  ... {len(found.differences) - _SHOWN} more in reconciliation.parquet")
    else:
        print("nothing differs")
    print(f"report: {render(done.path)}")
    if not found.clean:
        Verdict.code = EXIT_DIFFERENT
