"""Writes the network of workload.py, with the same float32 weights, as rewrite/model.onnx.

    python -m pip install numpy==2.4.6 onnx==1.23.2
    python workloads/digits-mlp-numpy/export_onnx.py [file to write]

The model takes what decode returns and gives what infer returns, for any number of images.
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

# The oldest operators whose Softmax goes along one axis, and the file format that came with them.
OPERATORS, FORMAT = 13, 7
PIXELS, DIGITS = 64, 10


def main():
    folder = Path(__file__).parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "rewrite" / "model.onnx"
    names = "hidden_weights", "hidden_biases", "output_weights", "output_biases"
    arrays = [numpy_helper.from_array(np.load(folder / "assets" / f"{name}.npy"), name) for name in names]
    nodes = [
        # The weights have one row per unit, hence transB.
        helper.make_node("Gemm", ["images", "hidden_weights", "hidden_biases"], ["sums"], transB=1),
        helper.make_node("Relu", ["sums"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "output_weights", "output_biases"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", PIXELS])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", DIGITS])
    graph = helper.make_graph(nodes, folder.name, [images], [probabilities], arrays)
    operators = [helper.make_opsetid("", OPERATORS)]
    model = helper.make_model(graph, ir_version=FORMAT, opset_imports=operators)
    checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
