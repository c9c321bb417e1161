"""Random cases of every operator: the oracle, the numpy reference and every kernel as C give the same outputs.

Some examples for each operator, always the same ones; ``make nightly`` runs many, from a seed that it prints. What
fails is made as small as it can be and printed as a case for ``tests/cases``.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, note, reject, seed, settings
from randoms import all_strategies
from support.case import Case
from support.examine import Refused, examine
from support.paste import as_code

from toolchain.ops import by_tflite_name

EXAMPLES = int(os.environ.get("MCUFORGE_EXAMPLES", "20"))
FRESH = os.environ.get("MCUFORGE_SEED", "")
"""What random cases begin with: the same each time when empty."""
MOST_REFUSED = 0.2  # of what strategies draw


def _settings() -> settings:
    return settings(
        max_examples=EXAMPLES,
        derandomize=not FRESH,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def test_every_operator_has_a_strategy() -> None:
    wanted = {builtin for builtin, op in by_tflite_name().items() if not op.offline}
    assert set(all_strategies()) == wanted


@pytest.mark.parametrize("builtin", all_strategies())
def test_random_cases(builtin: str) -> None:
    counts: Counter[str] = Counter()

    @_settings()
    @given(all_strategies()[builtin])
    def check(case: Case) -> None:
        note(as_code(case))
        try:
            assert examine(case, models=bool(FRESH))
        except Refused as e:
            counts[f"refused: {e}"] += 1
            reject()
        counts["examined"] += 1

    if FRESH:
        print(f"MCUFORGE_SEED={FRESH}")
        check = seed(int(FRESH))(check)
    check()
    refused = sum(n for what, n in counts.items() if what.startswith("refused"))
    assert refused <= MOST_REFUSED * counts["examined"], counts
