"""Many small pictures with a word under each: one picture of tiles, cut up in the browser. Knows neither runs nor what is shown."""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "athanor_tiles",
    css=(HERE / "tiles.css").read_text(encoding="utf-8"),
    js=(HERE / "tiles.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Sheet:
    """A PNG of tiles without gaps: so many a row, so many rows."""

    png: bytes
    columns: int
    rows: int


@dataclass(frozen=True)
class Tile:
    """The tile number `at` of a sheet, the line under it (red when `wrong`), a quiet line under that, and what it is in a sentence."""

    at: int
    line: str
    quiet: str
    alt: str
    wrong: bool = False


def show(sheet: Sheet, tiles: Sequence[Tile], *, key: str, across: int = 8) -> None:
    """Draw these tiles of the sheet, `across` beside each other where there is room; every word is shown as text."""
    source = f"data:image/png;base64,{base64.b64encode(sheet.png).decode()}"
    facts = {"source": source, "columns": sheet.columns, "rows": sheet.rows, "across": across}
    _mount(key=key, data={**facts, "tiles": [asdict(tile) for tile in tiles]})
