"""`monitor report`: a trading day on one page."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import click

from evaluator.instant import Sessions
from monitoring.alert_fold import read
from monitoring.calendar import calendar_of
from monitoring.snapshot import file_wall_ms
from monitoring.snapshots import SnapshotStore
from monitoring.trading_day import Report, day_of, incidents_of
from scripts.cli import words
from scripts.cli.desk import Desk, desk
from scripts.cli.failure import Failure
from scripts.cli.look import never_ran, overrides_of
from scripts.cli.report_text import as_lines, as_markdown
from scripts.cli.tail import config_of
from scripts.cli.terminal import show, show_json, uncut

NOTHING_RECORDED = 3
DAY_MS = 86_400_000


@click.command()
@click.option("--session", metavar="DATE", help="2025-10-12, today or yesterday.  [the last one]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a journal or a mail.")
def report(session: str | None, as_json: bool, markdown: bool) -> int:
    """Show a trading day on one page: alerts, who took them, money, heartbeat, Breeze."""
    here = desk()
    now_ms = here.clock().wall_ms
    config = config_of(here.home)
    zone = words.zone(config.timezone)
    store = SnapshotStore(here.home.snapshots)
    newest_ms = _newest_ms(store)
    if newest_ms is None:
        raise never_ran(here.home)
    day = _wanted(session, now_ms, zone) or words.local(newest_ms, zone).date()
    made = _report(here, store, day, calendar_of(config, overrides_of(here.home)), now_ms)
    if as_json:
        show_json(made)
    elif markdown:
        click.echo(as_markdown(made, zone), nl=False)
    else:
        show(as_lines(made, zone), uncut(here.terminal))
    return 0


def _report(here: Desk, store: SnapshotStore, day: date, sessions: Sessions, now_ms: int) -> Report:
    config = config_of(here.home)
    zone = words.zone(config.timezone)
    begin_ms, midnight_ms = (_ms(one, zone) for one in (day, day + timedelta(days=1)))
    end_ms = min(midnight_ms, max(begin_ms, now_ms))
    incidents = incidents_of(read(here.home.alerts, begin_ms), begin_ms, midnight_ms)
    # A name may be later than its snapshot's own time, when a clock was set back.
    named = store.between(begin_ms, midnight_ms + DAY_MS)
    snapshots = (one for _, one in named if begin_ms <= one.wall_ms < midnight_ms)
    seen = day_of(
        snapshots,
        sessions,
        begin_ms,
        end_ms,
        longest_ms=round(config.snapshot_limit_seconds * 1000),
        incidents=incidents,
    )
    if not seen.snapshots and not incidents:
        raise Failure(
            f"Nothing is recorded of {day}.",
            "Name another day with --session; snapshots are kept for "
            f"{config.retention.metrics_days} days.",
            code=NOTHING_RECORDED,
        )
    return Report(
        engine=config.engine,
        home=str(here.home.root),
        session=day.isoformat(),
        timezone=config.timezone,
        over=now_ms >= midnight_ms,
        day=seen,
        incidents=incidents,
    )


def _newest_ms(store: SnapshotStore) -> int | None:
    """Return the time in the newest snapshot's name; a packed day's is its noon."""
    loose = store.names_after(None)
    if loose:
        return file_wall_ms(loose[-1])
    packs = store.packs()
    if not packs:
        return None
    noon = datetime.strptime(f"{packs[-1].name[8:16]}12+0000", "%Y%m%d%H%z")
    return round(noon.timestamp() * 1000)


def _wanted(session: str | None, now_ms: int, zone: ZoneInfo) -> date | None:
    if session is None:
        return None
    today = words.local(now_ms, zone).date()
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    if session.lower() in named:
        return named[session.lower()]
    try:
        return date.fromisoformat(session)
    except ValueError:
        raise click.BadParameter(
            f"{session!r} is no day: write 2025-10-12, today or yesterday.",
            param_hint="--session",
        ) from None


def _ms(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
