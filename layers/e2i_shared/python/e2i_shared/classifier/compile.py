"""Write the vocabulary as JSON, which a function reads without a YAML parser: ``python -m e2i_shared.classifier.compile``."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from e2i_shared.classifier.vocabulary import COMPILED, SOURCE, parse


def compiled(text: str) -> str:
    """Return the JSON of a vocabulary file."""
    return json.dumps(parse(text), ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> None:
    """Compile the shipped vocabulary."""
    folder: Any = files("e2i_shared.classifier")
    Path(folder / COMPILED).write_text(compiled((folder / SOURCE).read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
