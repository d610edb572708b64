"""Writes the applications that rules-engine decides.

    python workloads/rules-engine/make_assets.py [assets folder]

All of it is synthetic: drawn from a seeded generator, after no real person. The
shares and spreads below are chosen so that every rule fires for some application;
they describe no population. Needs the standard library only. policy.json and
decision_table.csv are written by hand.
"""

import json
import random
import sys
from pathlib import Path

SEED = 0
APPLICATIONS = 2048


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    generator = random.Random(SEED)
    applications = [_application(generator, number) for number in range(APPLICATIONS)]
    rows = ",\n".join(json.dumps(list(application.values())) for application in applications)
    text = f'{{\n"fields": {json.dumps(list(applications[0]))},\n"rows": [\n{rows}\n]\n}}\n'
    (assets / "applications.json").write_text(text, encoding="utf-8")


def _application(generator, number):
    age = round(_between(17, 78, generator.gauss(42, 14)))
    income = _between(600, 15000, generator.lognormvariate(7.9, 0.45))
    employment = _choose(
        generator, permanent=66, temporary=11, self_employed=11, retired=8, unemployed=4
    )
    return {
        "id": number,
        "tier": _choose(generator, new=35, regular=45, preferred=20),
        "purpose": _choose(generator, car=35, home_improvement=25, debt_consolidation=20, other=20),
        "residence": _choose(generator, owner=45, tenant=42, with_family=13),
        "employment": employment,
        "age": age,
        "months_employed": min(_months(generator, 70), 12 * (age - 16)),
        "months_at_address": min(_months(generator, 80), 12 * age),
        "monthly_income": 10 * round(income / 10),
        "income_verified": generator.random() < 0.85,
        "monthly_debt": 10 * round(income * generator.betavariate(1.2, 7) / 10),
        "savings": 100 * round(generator.expovariate(1 / 6000) / 100),
        "amount": 100 * round(_between(1000, 60000, generator.lognormvariate(8.9, 0.8)) / 100),
        "term_months": 12 * generator.randint(1, 8),
        "open_loans": _count(generator, 0.40),
        "missed_payments": _count(generator, 0.75),
        "enquiries": _count(generator, 0.40),
        "bankrupt": generator.random() < 0.02,
    }


def _choose(generator, **weights):
    return generator.choices(list(weights), list(weights.values()))[0]


def _between(least, most, value):
    return max(least, min(most, value))


def _months(generator, mean):
    return int(generator.expovariate(1 / mean))


def _count(generator, chance_of_none):
    """A count that ends with the given chance at every step."""
    count = 0
    while generator.random() >= chance_of_none:
        count += 1
    return count


if __name__ == "__main__":
    main()
