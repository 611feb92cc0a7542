"""The rules in force, also when the file they came from is no longer sound, over restarts too."""

from __future__ import annotations

from evaluator.rules import Fault, RuleSet, load
from monitoring.atomic import write_atomic
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.state import RulesFile, RulesSource
from monitoring.troubles import Troubles
from scheduler.rulebook import Faulty, Sound, read_rules


class RulesInForce:
    """`rules` are in force; `faults` what is wrong with the file of rules as it is now.

    The text of the rules that were taken is kept in the state folder. So a restart finds the same
    rules in force, whatever has become of the file: the machine may start this process again at
    any moment, and an operator's rules must not go because of a typing error in that hour.
    """

    def __init__(self, home: Home, troubles: Troubles) -> None:
        self._file = home.rules
        self._kept = home.rules_in_force
        self._troubles = troubles
        self.rules: RuleSet
        self.text: str | None = None
        self.faults: list[Fault] = []
        self.source: RulesSource = "file"
        found = read_rules(home.rules)
        if isinstance(found, Sound):
            self.take(found)
        else:
            self._start_without(found)

    def take(self, found: Sound) -> None:
        """Put the rules of a sound file into force."""
        self.rules, self.text = found.rules, found.text
        self.faults, self.source = [], "file"
        self._keep()

    def refuse(self, found: Faulty) -> None:
        """Leave the rules as they are, and know why."""
        self.faults = found.faults
        if self.source == "file":
            self.source = "kept"
        for fault in found.faults:
            monitoring_log.error("{}", fault)
        monitoring_log.error("{} is refused: {}", self._file.name, self.words)

    @property
    def words(self) -> str:
        """Return which rules watch while the file is refused."""
        return {
            "file": "its rules are in force",
            "kept": "the rules from before stay in force",
            "built-in": "the built-in rules alone are in force",
        }[self.source]

    @property
    def state(self) -> RulesFile:
        """Return what the state file says of the rules."""
        return RulesFile(source=self.source, faults=self.faults)

    def _start_without(self, found: Faulty) -> None:
        kept = read_rules(self._kept)
        if isinstance(kept, Sound) and kept.text is not None:
            self.rules, self.text, self.source = kept.rules, kept.text, "kept"
        else:  # a watch that does not start because of a typing error watches nothing
            self.rules, self.source = load(None), "built-in"
        self.refuse(found)

    def _keep(self) -> None:
        text = self.text or ""
        try:
            if not self._kept.is_file() or self._kept.read_bytes() != text.encode():
                write_atomic(self._kept, text.encode())
        except OSError as error:
            said = f"a copy of the rules in force can't be kept: {error.strerror}"
            self._troubles.note("rules kept", said)
        else:
            self._troubles.note("rules kept", None)
