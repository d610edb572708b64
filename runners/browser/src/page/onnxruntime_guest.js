// A model as a guest: ONNX Runtime, and no interpreter.
import { Turns } from "./crossing.js";
import { openOnnxRuntime } from "./onnxruntime.js";

export const Guest = {
  async open({ folder, module, memoryBytes }, { begin, answer, source }) {
    const modules = ["ort.wasm.bundle.min.mjs", "onnx.mjs"].map((name) => import(`${folder}${name}`));
    const [model, ort, { values }] = await Promise.all([source.bytes(`${folder}model.onnx`), ...modules]);
    // A whole address: its own place is another one.
    const where = { wasmPaths: { wasm: new URL(module, location.href).href } };
    const tell = (message) => answer(message);
    return new Turns(await openOnnxRuntime(ort, { where, model, values, memoryBytes, begin: (phase) => begin(phase), tell }));
  },
};
