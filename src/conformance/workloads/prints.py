"""Prints, among other things what looks like an event."""

import json


def load(assets):
    return None


def decode(request):
    return request


def infer(model, request):
    print("printed in infer")
    print(json.dumps({"event": "hello", "protocol": 0, "runtime": "x", "runtime_version": "0"}))
    return request


def encode(answer):
    return answer


def make_request(index):
    return bytes(index)
