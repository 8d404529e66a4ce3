"""A function that follows the script in its event, for two interpreters to call."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import Any

_calls: Counter[str] = Counter()
_lock = threading.Lock()


class ScriptedError(Exception):
    """The scripted failure; ``name`` is the error's type as Lambda reports it."""

    def __init__(self, name: str) -> None:
        super().__init__("scripted")
        self.name = name

    @property
    def document(self) -> dict[str, str]:
        return {"errorType": self.name, "errorMessage": "scripted"}


def run(event: dict[str, Any], caller: str) -> Any:
    """Do what the event says; ``caller`` keeps the counts of one execution apart from another's."""
    match event.get("do", "echo"):
        case "raise":
            raise ScriptedError(event["error"])
        case "flaky":
            with _lock:
                _calls[caller] += 1
            if _calls[caller] <= event["times"]:
                raise ScriptedError("FlakyError")
            return {"calls": _calls[caller]}
        case "sleep":
            time.sleep(event["seconds"])
        case "fail_if" if event["v"] == event["bad"]:
            raise ScriptedError("CustomError")
        case "large":
            return "x" * event["bytes"]
    return event


def composer(event: dict[str, Any], caller: str) -> Any:
    """Act as the composition's functions; the query says what goes wrong."""
    phase, wrong = event["phase"], event["composition_id"]
    with _lock:
        _calls[f"{caller}{phase}{event.get('step_number')}"] += 1
        times = _calls[f"{caller}{phase}{event.get('step_number')}"]
    if phase == wrong or (f"{phase} once" == wrong and times == 1):
        raise ScriptedError("TransientToolError" if phase == "execute" else "DatabaseUnavailableError")
    if wrong == "step 2" and phase == "execute" and event["step_number"] == 2:
        raise ScriptedError("ContractError")
    if wrong == "recording" and (phase == "record_step_failure" or event.get("step_number") == 2):
        raise ScriptedError("ValueError")
    ids = {"tenant_id": event["tenant_id"], "composition_id": wrong}
    if phase == "plan":
        steps = [
            {"step_number": number, "runtime": "image" if number % 2 else "zip", "limit_seconds": 30}
            for number in range(1, 7)
        ]
        return {**ids, "levels": [] if wrong == "nothing to do" else [steps[:3], steps[3:5], steps[5:]]}
    if "step_number" in event:
        return {"step_number": event["step_number"], "status": "FAILED" if "error" in event else "COMPLETED"}
    return ids if phase == "decompose" else {"composition_id": wrong, "status": json.dumps(sorted(event))}
