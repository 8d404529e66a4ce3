"""Every tool's first example gives charts that render without the network, with marks, titles and numbers in them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from e2i_shared import chart_theme
from e2i_shared.tools import _charts
from e2i_shared.tools._registry import catalogue, run_tool

from cli.plots import render

TOOLS = catalogue()
SVG = "{http://www.w3.org/2000/svg}"
WITHOUT = {"result_explainer": "it explains in words; what it explains has pictures of its own"}


@pytest.fixture(scope="module")
def drawn(sample_context):
    """Return a maker of a tool's charts on its first example."""

    def charts(name) -> list[dict[str, Any]]:
        tool = TOOLS[name]
        return tool.charts(run_tool(name, tool.examples[0], sample_context))

    return charts


@pytest.mark.parametrize("name", sorted(set(TOOLS) - set(WITHOUT)))
def test_a_tool_draws_pictures_that_render(name, drawn):
    charts = drawn(name)

    assert charts, f"{name} draws nothing: give it a chart, or say in WITHOUT why it has none"
    for chart in charts:
        assert chart["config"]["font"] == chart_theme.CONFIG["font"]
        picture = render(chart, ".svg").decode()
        root = ET.fromstring(picture)  # noqa: S314 -- written by the renderer, not by a user
        texts = [node.text or "" for node in root.iter(f"{SVG}text")] + [
            node.text or "" for node in root.iter(f"{SVG}tspan")
        ]
        assert title_of(chart) in " ".join(texts)
        assert len(marks_of(root)) >= 1, "no mark of the data is drawn"
        assert not re.search(r"\b(?:NaN|undefined|null|Infinity)\b", " ".join(texts))
        assert "NaN" not in picture


def title_of(chart):
    title = chart["title"]
    text = title["text"] if isinstance(title, dict) else title
    return (text[0] if isinstance(text, list) else text).split("…")[0].strip()


def marks_of(root):
    """Return what is drawn of the data: shapes inside groups of marks, apart from axes, legends and background."""
    groups = [
        g for g in root.iter(f"{SVG}g") if re.search(r"mark-(?:rect|symbol|line|area|rule|arc|bar)", g.get("class", ""))
    ]
    inside = [g for g in groups if "role-mark" in g.get("class", "")]
    return [
        shape for group in inside for shape in group.iter() if shape.tag in {f"{SVG}path", f"{SVG}line", f"{SVG}rect"}
    ]


def test_tools_without_a_picture_are_known_and_have_a_reason():
    assert set(WITHOUT) <= set(TOOLS)
    assert all(len(reason) > 20 for reason in WITHOUT.values())


def test_a_png_is_an_image_of_a_size():
    chart = chart_theme.themed(_charts.bar_chart("By region", [{"label": "West", "value": 3.0}], unit="TRx"))

    picture = render(chart, ".png")

    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(picture[16:20], "big")
    assert width > 1200, "twice the width in pixels"


def test_a_chart_without_data_draws_no_mark():
    """The check above must be able to fail."""
    chart = chart_theme.themed(_charts.bar_chart("Empty", [], unit="TRx"))

    assert marks_of(ET.fromstring(render(chart, ".svg"))) == []  # noqa: S314 -- written by the renderer, not by a user
