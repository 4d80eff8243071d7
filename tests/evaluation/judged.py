"""Made-up judgements with known truth: tasks in commits that move together."""

from __future__ import annotations

import numpy as np

from inhouse.evaluation.tasks import Judgement


def judgement(suite, measure, task, arm, top, bottom=1.0, *, group="", sample=0, note=""):
    return Judgement(suite, measure, task, group or f"g-{task}", arm, sample, float(top), float(bottom), note)


def pass_fail(rates, *, groups=30, each=2, suite="execution", measure="pass@1", seed=1, spread=1.0):
    """Pass or fail of every arm at its rate: the easiness of a file, the same for all arms, adds `spread`."""
    random = np.random.default_rng(seed)
    found = []
    for group in range(groups):
        easy = random.normal(0, spread)
        for number in range(each):
            draw = random.normal()  # of the task: what one arm can do another one mostly can
            for arm, rate in rates.items():
                own = 0.8 * draw + 0.6 * random.normal()
                passed = (own + easy) / np.hypot(1, spread) < np.sqrt(2) * _inverse_normal(rate)
                found.append(
                    judgement(suite, measure, f"t{group}-{number}", arm, passed, group=f"file{group}")
                )
    return found


def bits(effects, *, groups=30, suite="likelihood", measure="bits_per_byte", seed=1):
    """Bits of every arm: 0.9 a byte and its effect; items of a commit share half of their noise."""
    random = np.random.default_rng(seed)
    found = []
    for group in range(groups):
        shared = {arm: random.normal(0, 0.05) for arm in effects}
        for number in range(int(random.integers(1, 5))):
            size, level = int(random.integers(40, 300)), random.normal(0.9, 0.3)
            for arm, effect in effects.items():
                value = level + effect + shared[arm] + random.normal(0, 0.05)
                found.append(
                    judgement(
                        suite, measure, f"i{group}-{number}", arm, size * value, size, group=f"c{group}"
                    )
                )
    return found


def _inverse_normal(rate):
    from statistics import NormalDist

    return NormalDist().inv_cdf(rate) / np.sqrt(2)
