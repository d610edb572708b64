"use strict";

// A model by ONNX Runtime Web as a guest, in whatever JavaScript: Node puts this before its own script,
// pages load it as a module. There is no Python: what the driver does for that, this does for the model.

const ORDER_TOKEN_LENGTH = 32;
// With something behind it, so that there is an address for none of it.
const NO_BYTES = new Uint8Array(new ArrayBuffer(8), 0, 0);

// `ort`: ONNX Runtime's own module. `where`: what tells it where its WebAssembly is. `model`: its bytes.
// `values`: of a request, as float32, the workload's own. `tell` gives the answer to a message, null when
// there is none. The rest is as for Pyodide.
async function openOnnxRuntime(ort, { where, model, values, memoryBytes, begin, tell }) {
  const { failed, restore, memory } = inSteps(begin, memoryBytes);
  // One thread, as every guest has; as the plain WebAssembly that runs anywhere.
  Object.assign(ort.env.wasm, where, { numThreads: 1, proxy: false });
  try {
    // It comes up with its first model, and not before. There is nothing in this one, as it then says.
    const first = ort.InferenceSession.create(NO_BYTES).catch(() => {});
    await Promise.race([first, failed]);
  } finally {
    restore();
  }
  return { turn: serveModel(ort, model, values, tell), memory };
}

// A turn as driver.py takes it. `run` has to be waited for, so this has too; but it all happens by
// promises that are kept at once, within one turn of the event loop.
function serveModel(ort, model, values, tell) {
  let token = "";
  let session;
  const utf8 = { decoder: new TextDecoder(), encoder: new TextEncoder() };
  const answer = (message) => {
    const answered = tell(message);
    if (answered === null) throw new Error("the conversation is over");
    return answered;
  };
  const decode = (request) => {
    const [{ name, shape }] = session.inputMetadata;
    // The first is how many there are, which the model leaves open.
    const item = shape.slice(1);
    const input = values(request);
    const count = input.length / item.reduce((product, side) => product * side, 1);
    return { [name]: new ort.Tensor("float32", input, [count, ...item]) };
  };
  const encode = ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const serve = async (count, isMarked) => {
    const mark = () => isMarked && answer(NO_BYTES);
    let response = NO_BYTES;
    for (let served = 0; served < count; served++) {
      const request = answer(response);
      mark();
      const input = decode(request);
      mark();
      const outputs = await session.run(input);
      mark();
      response = encode(outputs[session.outputNames[0]]);
      mark();
    }
    return response;
  };
  return async () => {
    let message = NO_BYTES;
    try {
      for (;;) {
        const order = utf8.decoder.decode(answer(message));
        const [what, rest = ""] = order.split(/ (.*)/s);
        message = NO_BYTES;
        if (what === "import") token = rest.slice(0, ORDER_TOKEN_LENGTH);
        else if (what === "load") session ??= await ort.InferenceSession.create(model);
        else if (what === "plain" || what === "phase") message = await serve(Number(rest), what === "phase");
        else if (what === "versions") message = utf8.encoder.encode(`onnxruntime-web=${ort.env.versions.web}`);
        else return;
      }
    } catch (error) {
      tell(utf8.encoder.encode(`${token}raised\n\n${error?.message ?? error}\n`));
    }
  };
}
