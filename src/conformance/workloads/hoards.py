"""Takes more memory than the limit, and would end where there is none."""

HOARDED_MIB = 384


def load(assets):
    return None


def decode(request):
    return request


def infer(model, request):
    kept = [bytearray(b"x") * (1 << 20) for _ in range(HOARDED_MIB)]
    return b"%d" % len(kept)


def encode(answer):
    return answer


def make_request(index):
    return bytes(index)
