"""Gives every request back: what is left is the cost of the driver's loop and the boundary."""


def load(assets):
    return None


def decode(request):
    return request


def infer(model, x):
    return x


def encode(y):
    return y


def make_request(index, size):
    return bytes((index + position) % 256 for position in range(size))
