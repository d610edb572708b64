"""Prints more than the limit."""


def load(assets):
    return None


def decode(request):
    return request


def infer(model, request):
    for _ in range(1000):
        print("x" * 1000)
    return request


def encode(answer):
    return answer


def make_request(index):
    return bytes(index)
