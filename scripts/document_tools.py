"""The reference of tools, written from their declarations: ``--write`` renews it, ``--check`` fails where it is out of date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2i_shared.tools._registry import ToolResult, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.tools._registry import ToolSpec

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "tools.md"
HEAD = """# Tools

Written from the declarations by `scripts/document_tools.py --write`; the examples are run by the tests.

Every tool is called with `POST /tools/<name>/run` and `{"params": …}`, or `e2i run-tool <name>`; inside a composition the planner fills the
inputs. Every output also carries `n` (rows or units used), `method`, `assumptions`, `warnings` and `seed`.
"""
KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true/false", "null": "null"}
COMMON = {
    "dataset": "data set, by name or id",
    "filters": "conditions on columns that rows must pass: column, op (eq, ne, lt, le, gt, ge, in, between), value",
}


def page() -> str:
    """Return the whole reference."""
    tools = sorted(catalogue().values(), key=lambda tool: (tool.category, tool.name))
    lines = [HEAD, "| tool | category | runs in | what it answers |", "| --- | --- | --- | --- |"]
    lines += [f"| [{t.name}](#{t.name}) | {t.category.value} | {_where(t)} | {_cell(t.description)} |" for t in tools]
    return "\n".join([*lines, *(line for tool in tools for line in _section(tool))]) + "\n"


def _section(tool: ToolSpec) -> Iterator[str]:
    inputs, outputs = tool.params.model_json_schema(), tool.result.model_json_schema()
    yield f"\n## {tool.name}\n"
    yield f"{tool.description}\n"
    yield f"Category {tool.category.value}, agent `{tool.source_agent}`, version {tool.version}, runs in {_where(tool)}.\n"
    for edge in tool.edges:
        source = (
            f"`{edge.output_field}` of `{edge.producer}`" if edge.output_field else f"the output of `{edge.producer}`"
        )
        yield f"- takes {source} as `{edge.input_field}`"
    yield "\n### Input\n\n| field | type | default | meaning |\n| --- | --- | --- | --- |"
    required = set(inputs.get("required", []))
    for name, spec in inputs["properties"].items():
        default = "required" if name in required else f"`{json.dumps(spec.get('default'), ensure_ascii=False)}`"
        meaning = spec.get("description") or COMMON.get(name, "")
        yield f"| {name} | {_kind(spec)} | {default} | {_cell(meaning)} |"
    yield "\n### Output\n\n| field | type | meaning |\n| --- | --- | --- |"
    shared = set(ToolResult.model_fields)
    for name, spec in outputs["properties"].items():
        if name not in shared:
            yield f"| {name} | {_kind(spec)} | {_cell(spec.get('description', ''))} |"
    for model, spec in outputs.get("$defs", {}).items():
        yield from _parts(model, spec)
    yield "\n### Example\n\n```json"
    yield json.dumps(tool.examples[0], indent=2, ensure_ascii=False)
    yield "```"


def _parts(model: str, spec: dict[str, Any]) -> Iterator[str]:
    if "properties" not in spec:
        return
    yield f"\n**{model}**: {spec.get('description', '').splitlines()[0] if spec.get('description') else ''}\n"
    yield "| field | type | meaning |\n| --- | --- | --- |"
    for name, field in spec["properties"].items():
        yield f"| {name} | {_kind(field)} | {_cell(field.get('description', ''))} |"


def _kind(spec: dict[str, Any]) -> str:
    """Return a JSON Schema's type in words."""
    if "$ref" in spec:
        return str(spec["$ref"].rsplit("/", 1)[-1])
    if "enum" in spec or "const" in spec:
        return " / ".join(str(value) for value in spec.get("enum", [spec.get("const")]))
    if "anyOf" in spec:
        return " or ".join(dict.fromkeys(_kind(option) for option in spec["anyOf"]))
    if spec.get("type") == "array":
        return f"list of {_kind(spec['items'])}" if spec.get("items") else "list"
    if spec.get("type") == "object":
        values = spec.get("additionalProperties")
        return f"mapping to {_kind(values)}" if isinstance(values, dict) and values else "object"
    return KINDS.get(str(spec.get("type")), "any")


def _where(tool: ToolSpec) -> str:
    return "the API's zip" if tool.runtime == "layer" else "the image"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: list[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="renew the page")
    action.add_argument("--check", action="store_true", help="exit 1 where the page is out of date")
    chosen = parser.parse_args(arguments)
    text = page()
    if chosen.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(PAGE.parents[2])} is out of date: run scripts/document_tools.py --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
