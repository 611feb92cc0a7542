"""`.env` is changed where it must be, and is closed to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.dotenv_file import put, with_variables


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "A=1\n"),
        ("B=2", "B=2\nA=1\n"),
        ("# A=0\nAA=3\n", "# A=0\nAA=3\nA=1\n"),
        ("A=0\nB=2\nexport A = old\n", "A=1\nB=2\n"),
    ],
)
def test_a_variable_is_put_in_and_the_rest_is_kept(before: str, after: str) -> None:
    assert with_variables(before, {"A": "1"}) == after


def test_a_file_that_others_could_read_is_closed_and_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / ".env"
    real.write_text("B=2\n")
    real.chmod(0o644)
    link.symlink_to(real)
    put(link, {"A": "1"})
    assert link.is_symlink()
    assert real.read_text() == "B=2\nA=1\n"
    assert real.stat().st_mode & 0o777 == 0o600
