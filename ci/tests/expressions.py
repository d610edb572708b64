"""The expressions of GitHub's workflows, `${{ ... }}`, as far as ours go; others are errors.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

import re

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|<|>|!|\(|\)|\.))")
TEMPLATE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
LITERALS = {"true": True, "false": False, "null": None}
STATUS_FUNCTIONS = ("always", "success", "failure", "cancelled")


class ExpressionError(Exception):
    pass


def fill(text, contexts):
    """A value of the YAML with its expressions evaluated. A single one keeps its type."""
    if not isinstance(text, str):
        return text
    if whole := re.fullmatch(TEMPLATE, text.strip()):
        if "${{" not in whole[1]:
            return evaluate(whole[1], contexts)
    return TEMPLATE.sub(lambda found: as_text(evaluate(found[1], contexts)), text)


def condition(text, contexts):
    """Whether an `if` holds. One that asks for no status asks for success."""
    if text is None:
        return contexts["success"]()
    inner = re.fullmatch(TEMPLATE, str(text).strip())
    expression = inner[1] if inner else str(text)
    holds = is_true(evaluate(expression, contexts))
    if any(re.search(rf"\b{name}\(", expression) for name in STATUS_FUNCTIONS):
        return holds
    return contexts["success"]() and holds


def evaluate(expression, contexts):
    reader = Reader(tokens(expression), contexts)
    value = reader.either()
    if reader.rest:
        raise ExpressionError(f"{expression!r} has something left over: {reader.rest}")
    return value


def tokens(expression):
    found, place = [], 0
    while expression[place:].strip():
        match = TOKEN.match(expression, place)
        if not match:
            raise ExpressionError(f"{expression!r} has what this reader does not know: "
                                  f"{expression[place:]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


def is_true(value):
    return value not in (None, False, 0, "")


def as_text(value):
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Reader:
    """Recursive descent, an operator's precedence by a method each."""

    def __init__(self, rest, contexts):
        self.rest, self.contexts = rest, contexts

    def take(self, *signs):
        if self.rest and self.rest[0][0] == "sign" and self.rest[0][1] in signs:
            return self.rest.pop(0)[1]
        return None

    def either(self):
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if is_true(value) else other
        return value

    def both(self):
        value = self.comparison()
        while self.take("&&"):
            other = self.comparison()
            value = other if is_true(value) else value
        return value

    def comparison(self):
        value = self.negation()
        while sign := self.take("==", "!=", "<", ">", "<=", ">="):
            other = self.negation()
            value = compare(value, sign, other)
        return value

    def negation(self):
        return not is_true(self.negation()) if self.take("!") else self.atom()

    def atom(self):
        if self.take("("):
            value = self.either()
            self.expect(")")
            return value
        if not self.rest or self.rest[0][0] == "sign":
            raise ExpressionError(f"an operand is missing before {self.rest}")
        kind, text = self.rest.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text) if "." in text else int(text)
        if text in LITERALS:
            return LITERALS[text]
        value = look_up(self.contexts, text)
        if self.take("("):
            self.expect(")")
            return value()
        while self.take("."):
            value = look_up(value, self.rest.pop(0)[1])
        return value

    def expect(self, sign):
        if not self.take(sign):
            raise ExpressionError(f"{sign!r} is missing before {self.rest}")


def look_up(value, name):
    if not isinstance(value, dict) or name not in value:
        known = ", ".join(value) if isinstance(value, dict) else repr(value)
        raise ExpressionError(f"there is no {name!r} among: {known}")
    return value[name]


def compare(left, sign, right):
    """As GitHub does where both are of a kind; text is compared without regard to case."""
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.lower(), right.lower()
    elif type(left) is not type(right):
        left, right = as_number(left), as_number(right)
    return {"==": left == right, "!=": left != right, "<": left < right, ">": left > right,
            "<=": left <= right, ">=": left >= right}[sign]


def as_number(value):
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except ValueError:
        return float("nan")
