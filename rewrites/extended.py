"""A workload whose model and inference are compiled; the rest is its own Python."""

from kernel import infer, load
from original import decode, encode, make_request

__all__ = ["decode", "encode", "infer", "load", "make_request"]
