"""Writes the network of workload.py, with the same float32 weights, as rewrite/model.onnx.

    python -m pip install numpy==2.4.6 onnx==1.23.2
    python workloads/digits-cnn/export_onnx.py [file to write]

The model takes what decode returns and gives what infer returns, for any number of images.
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

# The oldest operators whose Softmax goes along one axis, and the file format that came with them.
OPERATORS, FORMAT = 13, 7
SIDE, DIGITS = 8, 10


def main():
    folder = Path(__file__).parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "rewrite" / "model.onnx"
    layers = "first", "second", "output"
    names = [f"{layer}_{kind}" for layer in layers for kind in ("weights", "biases")]
    arrays = {name: np.load(folder / "assets" / f"{name}.npy") for name in names}
    # ONNX keeps channels before pixels, numpy here after them: the last layer's inputs come in another order.
    units = arrays["output_weights"].reshape(DIGITS, SIDE // 2, SIDE // 2, -1)
    arrays["output_weights"] = units.transpose(0, 3, 1, 2).reshape(DIGITS, -1)
    nodes = [
        helper.make_node("Transpose", ["images"], ["planes"], perm=[0, 3, 1, 2]),
        *_convolution("planes", "first"),
        *_convolution("first", "second"),
        helper.make_node("MaxPool", ["second"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["inputs"]),
        # The weights have one row per digit, hence transB.
        helper.make_node("Gemm", ["inputs", "output_weights", "output_biases"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", SIDE, SIDE, 1])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", DIGITS])
    weights = [numpy_helper.from_array(values, name) for name, values in arrays.items()]
    graph = helper.make_graph(nodes, folder.name, [images], [probabilities], weights)
    operators = [helper.make_opsetid("", OPERATORS)]
    model = helper.make_model(graph, ir_version=FORMAT, opset_imports=operators)
    checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _convolution(source, layer):
    """Returns a 3x3 convolution that keeps height and width, then ReLU; the output has the layer's name."""
    inputs = [source, f"{layer}_weights", f"{layer}_biases"]
    return [
        helper.make_node("Conv", inputs, [f"{layer}_sums"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", [f"{layer}_sums"], [layer]),
    ]


if __name__ == "__main__":
    main()
