"""The first batch of a run in its folder: the pictures as the network saw them, and what they show.

Written by the worker, read by pages; what is read back is hostile until the form below has taken it. Knows no network.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engine.plain_files import read_plain, replacing

PICTURE, FACTS = "first_batch.png", "first_batch.json"
# Pictures kept at most, and bytes read at most.
MOST, MOST_BYTES, MOST_FACTS = 64, 8 * 2**20, 2**20
_HEAD = b"\x89PNG\r\n\x1a\n"


class Facts(BaseModel):
    """What the tiles show, row by row; `side` in pixels."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    side: Annotated[int, Field(ge=1, le=4096)]
    columns: Annotated[int, Field(ge=1, le=MOST)]
    batch: Annotated[int, Field(ge=1)]
    labels: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(min_length=1, max_length=MOST)]


@dataclass(frozen=True)
class FirstBatch:
    """`png`: tiles of `facts.side` pixels without gaps, `facts.columns` a row."""

    png: bytes
    facts: Facts


def write(folder: Path, batch: FirstBatch) -> None:
    """The facts come last: they make it one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((PICTURE, batch.png), (FACTS, json.dumps(batch.facts.model_dump()).encode())):
        with replacing(folder / name) as file:
            file.write(content)


def read(folder: Path) -> FirstBatch:
    """Raises OSError when it is not there, ValueError when it is not one of ours."""
    facts = Facts.model_validate_json(read_plain(folder / FACTS, MOST_FACTS))
    png = read_plain(folder / PICTURE, MOST_BYTES)
    if not png.startswith(_HEAD):
        raise ValueError(f"{PICTURE} is no PNG")
    return FirstBatch(png, facts)
