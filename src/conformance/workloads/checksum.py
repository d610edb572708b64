"""Answers with what can be computed again: length, checksum and the request backwards."""


def load(assets):
    with open(f"{assets}/modulus.txt") as file:
        return int(file.read())


def decode(request):
    return request


def infer(modulus, request):
    return len(request), int.from_bytes(request, "little") % modulus, request[::-1]


def encode(answer):
    length, checksum, backwards = answer
    return b"%d:%d:%b" % (length, checksum, backwards) if length else b""


def make_request(index):
    return bytes(index)
