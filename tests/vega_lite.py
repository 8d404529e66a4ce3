"""Vega-Lite's own JSON Schema, from the copy that Altair ships."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema


@cache
def _validator() -> jsonschema.Draft7Validator:
    spec = find_spec("altair")
    assert spec is not None
    assert spec.origin is not None
    schema = Path(spec.origin).parent / "vegalite" / "v5" / "schema" / "vega-lite-schema.json"
    return jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))


def assert_valid(chart: dict[str, Any]) -> None:
    """Fail with the most telling reason where a chart is no Vega-Lite v5 specification, or its data no JSON."""
    json.dumps(chart, allow_nan=False)
    error = jsonschema.exceptions.best_match(_validator().iter_errors(chart))
    assert error is None, f"{error.json_path}: {error.message[:300]}"
