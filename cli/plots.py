"""``--plot FILE``: the charts of a reply as PNG or SVG, rendered on this machine without the network."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import CommandError, Exit
from cli.session import reporting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    Json = dict[str, Any]

Plot = Annotated[
    Path | None,
    typer.Option("--plot", help="Write the charts to this .png or .svg file; several become FILE-1, FILE-2 …"),
]
KINDS = (".png", ".svg")
VEGA_LITE = "5.21"
WIDTH = 640  # pixels, of a chart that would fill its page
SCALE = 2  # PNG pixels per pixel


def check(file: Path | None) -> None:
    """Refuse, before anything is asked, a file that could not be written; raise CommandError."""
    if file is None:
        return
    if file.suffix.lower() not in KINDS:
        raise CommandError.of(
            Exit.USAGE,
            "The picture cannot be written",
            f"--plot takes a file that ends in {' or '.join(KINDS)}, got {file.name!r}.",
        )
    if file.is_dir() or not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise _unwritable(file, "there is no such folder" if not file.parent.is_dir() else "it cannot be written to")


def write(charts: Sequence[Json], file: Path) -> list[Path]:
    """Write every chart, or none; return the files. Raises CommandError."""
    check(file)
    pictures = [render(chart, file.suffix.lower()) for chart in charts]
    names = [file] if len(pictures) == 1 else [_numbered(file, n) for n in range(1, len(pictures) + 1)]
    _place(names, pictures)
    return names


def draw(charts: Sequence[Json], file: Path | None, *, as_json: bool, to: Console) -> None:
    """Write the charts where a file is named, and tell the files; end the command where they cannot be written."""
    if file is None:
        return
    with reporting(as_json=as_json):
        written = write(charts, file)
    to.print("\n".join(f"wrote {each}" for each in written) or "There is no picture of this result.", soft_wrap=True)


def render(chart: Json, suffix: str) -> bytes:
    """Return a Vega-Lite specification as an image; raise CommandError where it cannot be drawn."""
    try:
        import vl_convert
    except ImportError as error:
        hint = "Install it with: pip install vl-convert-python"
        raise CommandError.of(
            Exit.FAILED, "The picture cannot be drawn", "vl-convert-python is not installed.", hint
        ) from error
    spec = json.dumps(_sized(chart))
    try:
        if suffix == ".png":
            return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=SCALE, allowed_base_urls=[]))
        return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])).encode()
    except ValueError as error:
        raise CommandError.of(Exit.FAILED, "The picture cannot be drawn", str(error).splitlines()[0]) from error


def _sized(chart: Any) -> Any:
    """Return a chart whose parts that fill their container have a width."""
    if isinstance(chart, list):
        return [_sized(each) for each in chart]
    if not isinstance(chart, dict):
        return chart
    inner = {name: value if name in ("values", "datasets") else _sized(value) for name, value in chart.items()}
    return inner | ({"width": WIDTH} if inner.get("width") == "container" else {})


def _numbered(file: Path, number: int) -> Path:
    return file.with_name(f"{file.stem}-{number}{file.suffix}")


def _place(names: Sequence[Path], pictures: Sequence[bytes]) -> None:
    """Write all beside their names first and move them then: a full disk leaves no half picture."""
    waiting: list[tuple[str, Path]] = []
    try:
        for name, picture in zip(names, pictures, strict=True):
            handle, temporary = tempfile.mkstemp(dir=name.parent, suffix=name.suffix)
            waiting.append((temporary, name))
            with os.fdopen(handle, "wb") as stream:
                stream.write(picture)
        for temporary, name in waiting:
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(name)
    except OSError as error:
        for temporary, _ in waiting:
            with suppress(OSError):
                Path(temporary).unlink()
        raise _unwritable(names[0], error.strerror or str(error)) from error


def _umask() -> int:
    """Return the rights that new files do not get: a temporary file has fewer than a file of the user's own."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(file: Path, reason: str) -> CommandError:
    return CommandError.of(Exit.USAGE, "The picture cannot be written", f"--plot {file}: {reason}.")
