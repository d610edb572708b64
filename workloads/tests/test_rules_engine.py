"""Checks rules-engine against straight-line code written from its README."""

import itertools
import json
import math
import unittest

from suite import Workload

# An application that no rule holds for; the edge cases change it.
SOUND = {
    "id": 0,
    "tier": "regular",
    "purpose": "car",
    "residence": "owner",
    "employment": "permanent",
    "age": 40,
    "months_employed": 60,
    "months_at_address": 60,
    "monthly_income": 2000,
    "income_verified": True,
    "monthly_debt": 100,
    "savings": 1000,
    "amount": 6000,
    "term_months": 24,
    "open_loans": 1,
    "missed_payments": 0,
    "enquiries": 0,
    "bankrupt": False,
}

# Either side of every bound that a single field decides, and for ratios the fields that meet it exactly.
EDGES = [
    *({"age": age} for age in (17, 18, 20, 21, 73, 74)),
    *({"age": 21, "amount": amount} for amount in (5000, 5001)),
    *({"age": 20, "amount": amount} for amount in (5000, 5001)),
    *({"age": 70, "term_months": term} for term in (60, 61)),
    {"bankrupt": True},
    *({"monthly_income": income} for income in (899, 900)),
    *({"missed_payments": missed} for missed in range(6)),
    *({"enquiries": enquiries} for enquiries in range(11)),
    *({"open_loans": loans} for loans in range(9)),
    *({"open_loans": loans, "missed_payments": 1} for loans in (2, 3)),
    *({"months_employed": months} for months in (2, 3, 11, 12, 23, 24, 35, 36, 83, 84)),
    *({"months_at_address": months} for months in (2, 3, 5, 6, 11, 12, 59, 60)),
    *({"months_at_address": months, "amount": amount} for months in (5, 6) for amount in (14999, 15000)),
    *({"term_months": term} for term in (36, 37, 60, 61)),
    *({"income_verified": False, "amount": amount} for amount in (10000, 10001)),
    *({"amount": amount} for amount in (1999, 2000, 2001, 24000, 24001)),  # 24000 is 12 times the income
    *({"monthly_debt": debt} for debt in (649, 650, 651, 949, 950, 951)),  # commitment ratio 0.45, 0.6
    *({"monthly_debt": debt} for debt in (199, 200, 399, 400, 599, 600, 601, 799, 800)),  # ratio 0.1 to 0.4
    *({"purpose": "debt_consolidation", "monthly_debt": debt} for debt in (599, 600, 601)),
    *({"savings": savings} for savings in (299, 300, 1499, 1500, 2999, 3000)),  # ratio 0.05, 0.25, 0.5
    # Limits of the decision table, and histories that lead to its bands.
    *(
        {"amount": limit + extra, "monthly_income": 15000, "term_months": 60, **history}
        for limit in (5000, 6000, 10000, 12000, 20000, 25000, 40000, 50000, 75000)
        for extra in (0, 1)
        for history in (
            {"months_employed": 120},
            {"months_employed": 24},
            {"months_employed": 24, "months_at_address": 6, "enquiries": 4, "missed_payments": 1},
            {"months_employed": 6, "months_at_address": 6, "enquiries": 4, "missed_payments": 2},
            {"months_employed": 6, "months_at_address": 6, "enquiries": 4, "missed_payments": 3},
        )
    ),
]
TIERS = "new", "regular", "preferred"
EMPLOYMENTS = "permanent", "retired", "self_employed", "temporary", "unemployed"
RESIDENCES = "owner", "tenant", "with_family"


class RulesEngine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("rules-engine")
        cls.requests = cls.workload.requests(64)
        cls.applications = [each for request in cls.requests for each in json.loads(request)]
        cls.decisions = cls.decide(cls.workload, cls.applications)
        cls.edge_cases = [
            {**SOUND, **edge, "tier": tier, "employment": employment, "residence": residence}
            for edge, tier, employment, residence in itertools.product(EDGES, TIERS, EMPLOYMENTS, RESIDENCES)
        ]

    @staticmethod
    def decide(workload, applications):
        return json.loads(workload.respond(json.dumps(applications).encode()))

    def test_accuracy_is_the_stated_one(self):
        pairs = zip(self.applications, self.decisions, strict=True)
        equal = [self.same(straight_line(application), decision) for application, decision in pairs]
        self.assertEqual(len(equal), 2048)
        self.assertEqual(sum(equal) / len(equal), self.workload.settings["accuracy"]["value"])

    def test_edge_cases_are_decided_the_same(self):
        decisions = self.decide(self.workload, self.edge_cases)
        for application, decision in zip(self.edge_cases, decisions, strict=True):
            expected = straight_line(application)
            self.assertTrue(self.same(expected, decision), f"{application}\n{expected}\n{decision}")

    def same(self, expected, decision):
        near = math.isclose(
            expected["probability_of_default"], decision["probability_of_default"], rel_tol=1e-13
        )
        return near and expected | {"probability_of_default": 0} == decision | {"probability_of_default": 0}

    def test_every_outcome_reason_and_band_border_occurs(self):
        decisions = [*self.decisions, *self.decide(self.workload, self.edge_cases)]
        self.assertEqual({each["decision"] for each in decisions}, {"approve", "refer", "decline"})
        codes = {f"{kind}{n:02}" for kind, most in zip("DRST", (12, 10, 10, 2)) for n in range(1, most + 1)}
        self.assertEqual({code for each in decisions for code in each["reasons"]}, codes)
        borders = {score - below for score in (640, 600, 560, 520) for below in (0, 5)}
        self.assertLessEqual(borders, {each["score"] for each in decisions})

    def test_a_sound_application_is_approved_without_reasons(self):
        (decision,) = self.decide(self.workload, [SOUND])
        self.assertEqual((decision["decision"], decision["reasons"]), ("approve", []))

    def test_a_policy_less_any_one_rule_fails_the_tolerance(self):
        for kind in "decline", "refer", "surcharges":
            for number in range(len(self.workload.model[kind])):
                changed = Workload("rules-engine")
                del changed.model[kind][number]
                with self.subTest(kind=kind, number=number):
                    self.assertTrue(self.some_response_fails(changed))

    def test_a_changed_scorecard_or_table_fails_the_tolerance(self):
        for number in range(10):
            changed = Workload("rules-engine")
            changed.model["scorecard"]["attributes"][number]["code"] = "S00"
            with self.subTest(attribute=number):
                self.assertTrue(self.some_response_fails(changed))
        shifted = Workload("rules-engine")
        shifted.model["scorecard"]["even_odds_score"] += 1e-9
        self.assertTrue(self.some_response_fails(shifted))
        for key, (limit, basis_points) in self.workload.model["table"].items():
            if limit:
                changed = Workload("rules-engine")
                changed.model["table"][key] = limit, basis_points + 1
                with self.subTest(key=key):
                    self.assertTrue(self.some_response_fails(changed))

    def some_response_fails(self, changed):
        """Whether a changed policy shows in the response to some request."""
        return not all(
            self.workload.agrees(self.workload.respond(request), changed.respond(request))
            for request in self.requests
        )


def straight_line(a):
    """Decides one application as the README's tables say, and reads nothing of the engine or its policy."""
    repayment = a["amount"] / a["term_months"]
    commitment_ratio = (a["monthly_debt"] + repayment) / a["monthly_income"]
    debt_ratio = a["monthly_debt"] / a["monthly_income"]
    savings_ratio = a["savings"] / a["amount"]
    tier, employment = a["tier"], a["employment"]

    declines = []
    if a["age"] < 18:
        declines.append("D01")
    if a["age"] + a["term_months"] / 12 > 75:
        declines.append("D02")
    if a["bankrupt"]:
        declines.append("D03")
    if employment == "unemployed":
        declines.append("D04")
    if a["monthly_income"] < 900:
        declines.append("D05")
    if a["missed_payments"] > 3:
        declines.append("D06")
    if tier == "new" and a["missed_payments"] > 1:
        declines.append("D07")
    if commitment_ratio > 0.6:
        declines.append("D08")
    if a["enquiries"] > 8:
        declines.append("D09")
    if a["open_loans"] > 6:
        declines.append("D10")
    if (employment == "temporary" or employment == "self_employed") and a["months_employed"] < 3:
        declines.append("D11")
    if tier == "new" and a["residence"] == "tenant" and a["months_at_address"] < 3:
        declines.append("D12")

    referrals = []
    if not a["income_verified"] and a["amount"] > 10000:
        referrals.append("R01")
    if employment == "self_employed" and a["months_employed"] < 24:
        referrals.append("R02")
    if employment == "temporary" and a["term_months"] > 36:
        referrals.append("R03")
    if a["amount"] / a["monthly_income"] > 12:
        referrals.append("R04")
    if commitment_ratio > 0.45:
        referrals.append("R05")
    if a["missed_payments"] > 0 and a["open_loans"] > 2:
        referrals.append("R06")
    if a["age"] < 21 and a["amount"] > 5000:
        referrals.append("R07")
    if a["purpose"] == "debt_consolidation" and debt_ratio > 0.3:
        referrals.append("R08")
    if tier != "preferred" and a["enquiries"] > 4:
        referrals.append("R09")
    if a["months_at_address"] < 6 and a["amount"] >= 15000:
        referrals.append("R10")

    missed = 60 if a["missed_payments"] == 0 else 25 if a["missed_payments"] == 1 else 0
    if a["missed_payments"] == 2:
        missed = 5
    debt = 0
    if debt_ratio < 0.1:
        debt = 50
    elif debt_ratio < 0.2:
        debt = 35
    elif debt_ratio < 0.3:
        debt = 20
    elif debt_ratio < 0.4:
        debt = 5
    savings = 40
    if savings_ratio < 0.05:
        savings = 0
    elif savings_ratio < 0.25:
        savings = 15
    elif savings_ratio < 0.5:
        savings = 30
    employed = 40
    if a["months_employed"] < 12:
        employed = 5
    elif a["months_employed"] < 36:
        employed = 15
    elif a["months_employed"] < 84:
        employed = 30
    address = 5 if a["months_at_address"] < 12 else 15 if a["months_at_address"] < 60 else 25
    enquiries = 0
    if a["enquiries"] == 0:
        enquiries = 35
    elif a["enquiries"] <= 2:
        enquiries = 25
    elif a["enquiries"] <= 5:
        enquiries = 10
    loans = 0
    if a["open_loans"] == 0:
        loans = 25
    elif a["open_loans"] <= 2:
        loans = 35
    elif a["open_loans"] <= 4:
        loans = 15
    loyalty = 10 if tier == "new" else 30 if tier == "regular" else 50
    home = 45 if a["residence"] == "owner" else 25 if a["residence"] == "tenant" else 30
    work = 0
    if employment == "permanent":
        work = 50
    elif employment == "retired":
        work = 45
    elif employment == "self_employed":
        work = 30
    elif employment == "temporary":
        work = 15
    score = 300 + missed + debt + savings + employed + address + enquiries + loans + loyalty + home + work
    lost = {
        "S01": 60 - missed,
        "S02": 50 - debt,
        "S03": 40 - savings,
        "S04": 40 - employed,
        "S05": 25 - address,
        "S06": 35 - enquiries,
        "S07": 35 - loans,
        "S08": 50 - loyalty,
        "S09": 45 - home,
        "S10": 50 - work,
    }

    limit, basis_points = 0, 0
    if score >= 640:
        band = "A"
        if tier == "new":
            limit, basis_points = 20000, 590
        elif tier == "regular":
            limit, basis_points = 40000, 520
        else:
            limit, basis_points = 75000, 450
    elif score >= 600:
        band = "B"
        if tier == "new":
            limit, basis_points = 12000, 740
        elif tier == "regular":
            limit, basis_points = 25000, 640
        else:
            limit, basis_points = 50000, 540
    elif score >= 560:
        band = "C"
        if tier == "new":
            limit, basis_points = 6000, 960
        elif tier == "regular":
            limit, basis_points = 12000, 820
        else:
            limit, basis_points = 25000, 690
    elif score >= 520:
        band = "D"
        if tier == "regular":
            limit, basis_points = 5000, 1090
        elif tier == "preferred":
            limit, basis_points = 10000, 930
    else:
        band = "E"
    if limit == 0:
        declines.append("T01")

    offer = None
    reasons = declines + referrals
    if declines or referrals:
        largest_first = sorted(sorted(lost), key=lost.get, reverse=True)
        reasons += [code for code in largest_first if lost[code] > 0][:3]
    else:
        if a["term_months"] > 60:
            basis_points += 50
        if a["purpose"] == "debt_consolidation":
            basis_points += 75
        if a["amount"] <= 2000:
            basis_points += 100
        if not a["income_verified"]:
            basis_points += 40
        if savings_ratio >= 0.5:
            basis_points -= 25
        if tier == "preferred" and a["missed_payments"] == 0:
            basis_points -= 50
        offer = {"amount": a["amount"], "basis_points": basis_points}
        if a["amount"] > limit:
            offer["amount"] = limit
            reasons.append("T02")
    return {
        "id": a["id"],
        "decision": "decline" if declines else "refer" if referrals else "approve",
        "score": score,
        "band": band,
        "probability_of_default": 1 / (1 + math.exp(math.log(2) * (score - 440) / 40)),
        "offer": offer,
        "reasons": reasons,
    }

if __name__ == "__main__":
    unittest.main()
