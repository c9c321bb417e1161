"""What a comparison layer by layer finds, as data and for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Departure:
    """How a layer's outputs differ from the reference's: ``differing`` of ``codes``, by ``largest`` at most.

    ``sqnr`` is the signal to noise ratio in dB, the reference's values being the signal.
    """

    codes: int
    differing: int
    largest: float
    sqnr: float | None


@dataclass(frozen=True)
class Row:
    """One operator of the quantized model. ``sqnr`` in dB: its real values against the float model's, if it has them.

    ``departures`` has an entry for each place that computed this layer and gave its values; None where they are the
    reference's.
    """

    layer: str
    op: str
    shape: tuple[int, ...]
    sqnr: float | None
    departures: dict[str, Departure | None]


@dataclass(frozen=True)
class Diff:
    """``places`` are where the model was run, in the order of the columns; ``notes`` say what could not be compared."""

    name: str
    samples: int
    places: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def first(self, place: str) -> Row | None:
        """The first layer that departs there."""
        return next((row for row in self.rows if row.departures.get(place) is not None), None)

    @property
    def departs(self) -> bool:
        return any(self.first(place) is not None for place in self.places)

    def verdicts(self) -> Iterator[str]:
        """A sentence for each place."""
        for place in self.places:
            row = self.first(place)
            compared = [r for r in self.rows if place in r.departures]
            if row is None:
                yield f"{place}: all {len(compared)} layers compared give the reference's codes"
                continue
            found = row.departures[place]
            assert found is not None
            noise = "" if found.sqnr is None else f", SQNR {found.sqnr:.1f} dB"
            yield (
                f"{place}: the first layer that departs is {row.layer} ({row.op}): {found.differing:,} of "
                f"{found.codes:,} codes differ, by {found.largest:g} at most{noise}"
            )

    def to_json(self) -> dict[str, Any]:
        first = {place: row.layer if (row := self.first(place)) else None for place in self.places}
        return {**dataclasses.asdict(self), "first_departing_layer": first}
