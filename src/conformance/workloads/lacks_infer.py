"""Is not what a workload has to be."""


def load(assets):
    return None


def decode(request):
    return request


def encode(answer):
    return answer


def make_request(index):
    return bytes(index)
