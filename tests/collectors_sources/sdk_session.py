"""Run by a test in a process of its own: what does the official SDK say of each scenario?

Arguments: the stub's URL, the app key, the session key, then scenarios. Prints one JSON object of
scenario → "SESSION ACCEPTED" or the SDK's words.

The SDK reads its addresses from a top-level module `config` beside its source and downloads the
security master while it is imported, so both are pointed at the stub before. It writes `logs/`
into the current folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def main(url: str, app_key: str, session_key: str, *scenarios: str) -> None:
    spec = importlib.util.find_spec("breeze_connect")
    assert spec is not None
    assert spec.origin is not None
    sys.path.insert(0, str(Path(spec.origin).parent))
    config: Any = importlib.import_module("config")
    config.SECURITY_MASTER_URL = f"{url}/SecurityMaster.zip"
    sdk: Any = importlib.import_module("breeze_connect")
    said = {}
    for scenario in scenarios:
        config.API_URL = f"{url}/{scenario}/"
        breeze = sdk.BreezeConnect(api_key=app_key)
        try:
            breeze.generate_session(api_secret="not-a-secret", session_token=session_key)
        except Exception as error:  # noqa: BLE001 -- the SDK raises nothing more exact
            said[scenario] = str(error)
        else:
            said[scenario] = "SESSION ACCEPTED"
    print(json.dumps(said))  # noqa: T201 -- the answer to the test


if __name__ == "__main__":
    main(*sys.argv[1:])
