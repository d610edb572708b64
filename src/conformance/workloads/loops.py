"""Never answers."""


def load(assets):
    return None


def decode(request):
    return request


def infer(model, request):
    while True:
        pass


def encode(answer):
    return answer


def make_request(index):
    return bytes(index)
