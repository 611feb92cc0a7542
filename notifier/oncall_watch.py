"""`oncall.toml` and the operator's own `remind`, taken over while the notifier runs."""

from __future__ import annotations

import tomllib

from monitoring.config import Config
from monitoring.file_mark import mark_of
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.oncall import OnCall
from monitoring.oncall_file import MOST_BYTES, OnCallErrors, load
from monitoring.oncall_policy import Policy, default_policies
from monitoring.regular import RULES_BYTES, read_regular
from monitoring.troubles import Troubles
from notifier.in_force import keep, kept

SUBJECT = "oncall.toml"


class OnCallWatch:
    """What is in force. A file counts once two looks in a row found it the same; a faulty one
    leaves what was before in force, also over a restart: it is kept in the state folder. Of that
    the channels that are still set count; without any it is the default for one person.
    """

    def __init__(self, home: Home, config: Config, troubles: Troubles) -> None:
        self._file = home.oncall
        self._in_force = home.oncall_in_force
        self._rules = home.rules_in_force
        self._channels = tuple(config.channels)
        self._timezone = config.timezone
        self._troubles = troubles
        self._default = default_policies(config.waking)
        self._reminding: frozenset[str] = frozenset()
        self._gone: set[str] = set()
        self.oncall = self._from_before()
        self._read_oncall()
        self._read_rules()
        self._seen = self._taken = (mark_of(self._file), mark_of(self._rules))

    def look(self) -> None:
        """Take over what was changed."""
        seen = (mark_of(self._file), mark_of(self._rules))
        if seen == self._seen != self._taken:
            self._read_oncall()
            self._read_rules()
            self._taken = seen
        self._seen = seen

    def policies(self, rule: str) -> tuple[Policy, ...]:
        """Return the policies that may be for alerts of a rule, the first that covers it counts.

        A rule whose reminders the operator set keeps them, unless he wrote policies too.
        """
        if self.oncall.policies:
            return self.oncall.policies
        return () if rule in self._reminding else self._default

    def _read_oncall(self) -> None:
        try:
            text = read_regular(self._file, MOST_BYTES, follow=True).decode()
            self._take(load(text, self._file.name, self._channels, self._timezone))
        except FileNotFoundError:
            self._take(OnCall())
        except OSError as error:
            self._refuse(f"it can't be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self._refuse(f"it is not UTF-8 (byte {error.start})")
        except OnCallErrors as errors:
            more = f" (and {len(errors.faults) - 1} more)" if len(errors.faults) > 1 else ""
            self._refuse(f"{errors.faults[0]}{more}")
        else:
            monitoring_log.info("oncall.toml is in force")

    def _take(self, oncall: OnCall) -> None:
        self.oncall, self._gone = oncall, set()
        keep(self._in_force, oncall, "the on-call set-up")
        self._troubles.note(SUBJECT, None)

    def _refuse(self, why: str) -> None:
        if self.oncall == OnCall():
            holds = "the default for one person is in force"
        else:
            holds = "what was before is in force"
            holds += f" without {', '.join(sorted(self._gone))}" if self._gone else ""
        self._troubles.note(
            SUBJECT, f"oncall.toml is not taken over, {holds}: {why}: run `monitor oncall check`"
        )

    def _from_before(self) -> OnCall:
        """Return what was in force when this process last ran, as far as its channels are set."""
        found = kept(self._in_force, OnCall) or OnCall()
        self._gone = found.named_channels - {*self._channels}
        left = found.without(self._gone)
        return left if left.named_channels else OnCall()

    def _read_rules(self) -> None:
        try:
            tables = tomllib.loads(read_regular(self._rules, RULES_BYTES).decode()).get("rule", [])
        except (OSError, ValueError, RecursionError):  # the scheduler's own file: it says so itself
            return
        self._reminding = frozenset(
            str(table.get("name"))
            for table in tables
            if isinstance(table, dict) and "remind" in table
        )
