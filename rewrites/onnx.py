"""A workload whose model is run by ONNX Runtime; the rest is its own Python."""

from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions
from original import decode, encode, make_request

__all__ = ["decode", "encode", "infer", "load", "make_request"]


def load(assets):
    options = SessionOptions()
    # As many as a guest has.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = Path(__file__).parent / "model.onnx"
    session = InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name


def infer(model, x):
    session, name = model
    return session.run(None, {name: x})[0]
