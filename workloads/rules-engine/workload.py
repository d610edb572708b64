"""Decides loan applications with a small rules engine in plain Python.

Rules, scorecard and decision table are data that the engine interprets: which
field, which comparison, which value. So the work is look-ups, small calls and
branches, as in rating and eligibility services.
"""

import csv
import json
import operator

OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
    "in": lambda value, choices: value in choices,
    "+": operator.add,
    "/": operator.truediv,
}
SCORE_REASONS = 3  # at most so many scorecard codes explain a decision


def load(assets):
    """Returns the policy with operators in place of their names, and with the decision table."""
    with open(f"{assets}/policy.json", encoding="utf-8") as file:
        policy = json.load(file)
    with open(f"{assets}/decision_table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    policy["table"] = {
        (row["tier"], row["band"]): (int(row["limit"]), int(row["basis_points"])) for row in rows
    }
    policy["derived"] = [
        (name, left, OPERATORS[sign], right) for name, left, sign, right in policy["derived"]
    ]
    for rule in [*policy["decline"], *policy["refer"], *policy["surcharges"]]:
        rule["when"] = [(field, OPERATORS[sign], value) for field, sign, value in rule["when"]]
    for attribute in policy["scorecard"]["attributes"]:
        if "below" in attribute:
            attribute["most"] = max(attribute["otherwise"], *(points for _, points in attribute["below"]))
        else:
            attribute["most"] = max(attribute["equal"].values())
    return policy


def decode(request):
    """Returns the applications: one dictionary of named facts each."""
    return json.loads(request)


def infer(policy, applications):
    """Returns one decision per application."""
    return [_decide(policy, application) for application in applications]


def encode(decisions):
    """Returns a JSON array with one object per decision."""
    return json.dumps(decisions).encode()


def make_request(index, batch):
    """Returns a JSON array of the batch's applications."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    text = (Path(__file__).parent / "assets" / "applications.json").read_text(encoding="utf-8")
    content = json.loads(text)
    rows = content["rows"][index * batch : (index + 1) * batch]
    return json.dumps([dict(zip(content["fields"], row, strict=True)) for row in rows]).encode()


def _decide(policy, application):
    facts = _with_derived(policy["derived"], application)
    score, score_reasons = _score(policy["scorecard"], facts)
    band = next(band for band, least in policy["bands"] if score >= least)
    limit, basis_points = policy["table"][facts["tier"], band]

    reasons = [rule["code"] for rule in policy["decline"] if _holds(rule["when"], facts)]
    if limit == 0:
        reasons.append("T01")
    decision = "decline" if reasons else "approve"
    referrals = [rule["code"] for rule in policy["refer"] if _holds(rule["when"], facts)]
    if referrals and decision == "approve":
        decision = "refer"
    reasons += referrals

    offer = None
    if decision == "approve":
        for rule in policy["surcharges"]:
            if _holds(rule["when"], facts):
                basis_points += rule["basis_points"]
        offer = {"amount": min(facts["amount"], limit), "basis_points": basis_points}
        if limit < facts["amount"]:
            reasons.append("T02")
    else:
        reasons += score_reasons
    return {
        "id": facts["id"],
        "decision": decision,
        "score": score,
        "band": band,
        "probability_of_default": _probability_of_default(policy["scorecard"], score),
        "offer": offer,
        "reasons": reasons,
    }


def _with_derived(formulas, application):
    """Adds the computed facts; a right operand is a fact's name or a number."""
    facts = dict(application)
    for name, left, calculate, right in formulas:
        facts[name] = calculate(facts[left], facts[right] if isinstance(right, str) else right)
    return facts


def _holds(conditions, facts):
    for field, compare, value in conditions:
        if not compare(facts[field], value):
            return False
    return True


def _score(scorecard, facts):
    """Returns the points, and the codes of the attributes that lost the most points, largest loss first."""
    score = scorecard["base"]
    losses = []
    for attribute in scorecard["attributes"]:
        points = _points(attribute, facts[attribute["field"]])
        score += points
        if points < attribute["most"]:
            losses.append((attribute["most"] - points, attribute["code"]))
    losses.sort(key=lambda loss: -loss[0])
    return score, [code for _, code in losses[:SCORE_REASONS]]


def _points(attribute, value):
    if "equal" in attribute:
        return attribute["equal"][value]
    for bound, points in attribute["below"]:
        if value < bound:
            return points
    return attribute["otherwise"]


def _probability_of_default(scorecard, score):
    """Good odds are even at one score and double with every so many points."""
    odds = 2 ** ((score - scorecard["even_odds_score"]) / scorecard["points_to_double_odds"])
    return 1 / (1 + odds)
