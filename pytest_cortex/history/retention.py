"""Which runs a history keeps when there are too many: the latest all, of the older ones ever fewer."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nlargest

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How much is kept.

    The newer half of *cap* is for the latest runs, all of them.  The other half is drawn from the older ones, and a run
    that is one half-life older than another is half as likely to be among them.  What is drawn is in each file's
    name: the lot of a run never changes, so it makes no difference how often runs are dropped, nor who drops them.

    Attributes:
        cap: The most runs that stay, from 1.
        half_life_days: Days after which half as many are kept, above 0.

    Source:
        Duffield, Lund & Thorup, "Priority sampling for estimation of arbitrary subset sums", JACM 54(6), 2007.
    """

    cap: int = 100
    half_life_days: float = 30.0

    def kept(self, runs: Iterable[tuple[str, datetime]]) -> frozenset[str]:
        """Returns the names of the runs that stay.

        Args:
            runs: Name and time of each; a name is there once.
        """
        ordered = sorted(runs, key=lambda run: (run[1], run[0]))
        latest = (self.cap + 1) // 2
        older = ordered[:-latest]
        drawn = nlargest(self.cap - latest, older, key=lambda run: (self._priority(*run), run[0]))
        return frozenset(name for name, _moment in [*ordered[-latest:], *drawn])

    def _priority(self, name: str, moment: datetime) -> float:
        """The logarithm of weight / lot.  The weight doubles with every half-life, whenever one begins to count."""
        digest = hashlib.sha256(name.encode()).digest()
        lot = (int.from_bytes(digest[:6], "big") + 1) / 2**48  # above 0, up to 1
        return (moment - _EPOCH).total_seconds() / (self.half_life_days * _DAY_S) - math.log2(lot)
