#!/usr/bin/env -S python3 -SE
"""A runner of the tests: keeps everything that the protocol asks for, with the Python that runs it."""

import importlib, io, json, os, resource, signal, sys, time, traceback

VERSION, TIER = 2, "any"
PYTHON = sys.version.split()[0]
CONTRACT = "load", "decode", "infer", "encode"

events = os.fdopen(os.dup(1), "w")
rows = ["pass,phase,index,request,wall_ns,cpu_ns"]
stage = "spawn"


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), file=events, flush=True)


def fail(kind, message, detail=""):
    tell("failed", kind=kind, during=stage, message=message, detail=detail)
    os._exit(3)


class Printed(io.TextIOBase):
    """What the workload prints."""

    text, limit = "", 0

    def write(self, text):
        self.text += text
        if len(self.text) > self.limit:
            fail("output", "it prints too much")
        return len(text)


def frames(path):
    with open(path, "rb") as file:
        while length := file.read(8):
            yield file.read(int.from_bytes(length, "little"))


def timed(row, call, *arguments):
    cpu, wall = time.thread_time_ns(), time.monotonic_ns()
    result = call(*arguments)
    wall, cpu = time.monotonic_ns() - wall, time.thread_time_ns() - cpu
    rows.append(f"{row},{wall},{cpu}")
    return result


def cold(phase, call, *arguments):
    global stage
    stage = phase
    tell("began", phase=phase)
    return timed(f"cold,{phase},0,0", call, *arguments)


def keep_limits(limits):
    signal.signal(signal.SIGALRM, lambda *_: fail("timeout", "it takes too long"))
    signal.setitimer(signal.ITIMER_REAL, limits["wall_ns"] / 1e9)
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    used = 1024 * int(status["VmData"].split()[0])
    most = min(used + limits["memory_bytes"], 2**62)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    sys.stdout = Printed()
    sys.stdout.limit = limits["output_bytes"]


def serve_marked(name, index, number, request, code, model):
    response = timed(f"{name},deliver,{index},{number}", lambda: request)
    for part in "decode", "infer", "encode":
        call = getattr(code, part)
        arguments = (model, response) if part == "infer" else (response,)
        response = timed(f"{name},{part},{index},{number}", call, *arguments)
    return timed(f"{name},collect,{index},{number}", lambda: response)


def prepare(artifacts, guest):
    global stage
    stage = "compile"
    from hashlib import sha256
    began = time.monotonic_ns()
    artifact = os.path.join(artifacts, guest["module_sha256"])
    cached = os.path.exists(artifact)
    if not cached:
        os.makedirs(artifacts, exist_ok=True)
        open(artifact, "wb").write(open(guest["module"], "rb").read())
    digest = sha256(open(artifact, "rb").read()).hexdigest()
    compiled = {"bytes": os.path.getsize(artifact), "sha256": digest, "cached": cached}
    tell("prepared", artifact=compiled | {"compile_ns": time.monotonic_ns() - began})


def measure(job, workload, requests, sampling):
    global stage
    began, spawned, executed = time.monotonic_ns(), job["spawned_at_ns"], job["executed_at_ns"]
    rows.append(f"cold,spawn,0,0,{executed - spawned},0")
    rows.append(f"cold,initialize,0,0,{began - executed},{time.thread_time_ns()}")
    sys.path.insert(0, workload["folder"])
    code = cold("import", importlib.import_module, "workload")
    missing = [name for name in CONTRACT if not callable(getattr(code, name, None))]
    if missing:
        fail("contract", f"it lacks {missing}")
    model = cold("model-load", code.load, workload["folder"] + "/assets")
    serve = lambda request: code.encode(code.infer(model, code.decode(request)))
    source = frames(requests)
    requests = [next(source)]
    responses = [cold("first-request", serve, requests[0])]
    cold_start_ns = time.monotonic_ns() - spawned
    if sampling:
        version = lambda name: getattr(importlib.import_module(name), "__version__", "unknown")
        versions = {name: version(name) for name in workload["packages"]}
        tell("versions", python=PYTHON, packages=versions)
        requests += source
        least, most = sampling["least_requests"], sampling["most_requests"]
        for stage, fewest in ("warmup", len(requests)), ("plain", least), ("phase", least):
            index, left = 0, sampling[stage + "_ns"]
            while index < fewest or index < most and left > 0:
                number = index % len(requests)
                before = len(rows)
                if stage == "phase":
                    response = serve_marked(stage, index, number, requests[number], code, model)
                else:
                    response = timed(f"{stage},request,{index},{number}", serve, requests[number])
                left -= sum(int(row.split(",")[4]) for row in rows[before:])
                if number == len(responses):
                    responses.append(response)
                elif response != responses[number]:
                    fail("unsteady", f"request {number} was answered in two ways")
                index += 1
    with open(job["scratch"] + "/responses.frames", "wb") as file:
        file.writelines(len(response).to_bytes(8, "little") + response for response in responses)
    with open(job["scratch"] + "/samples.csv", "w") as file:
        file.writelines(row + "\n" for row in rows)
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    served = {
        "cold_start_ns": cold_start_ns,
        "warmup_requests": sum(row.startswith("warmup") for row in rows),
        "warmup_stable": False if sampling else None,
        "peak_resident_bytes": 1024 * int(status["VmHWM"].split()[0]),
        "runner_bytes": sum(map(len, requests)),
        "linear_memory_bytes": None,
        "printed": sys.stdout.text[:4096],
    }
    tell("served", **served)


def place(error):
    """Where an error was raised, as far as that is the workload's code."""
    frames = traceback.extract_tb(error.__traceback__)
    names = [frame.name for frame in frames if frame.filename.endswith("workload.py")]
    return f"{stage}, in {names[0]}" if names else stage


def main():
    global stage
    job = json.loads(sys.stdin.readline())
    if not isinstance(job, dict):
        fail("protocol", "that is no job")
    if job["protocol"] != VERSION:
        fail("protocol", f"the harness speaks protocol {job['protocol']}")
    tell("hello", protocol=VERSION, runtime="tests", runtime_version=PYTHON)
    task = job.pop("task")
    if task["do"] == "describe":
        return tell("described", tiers=[{"name": TIER}])
    if job["tier"] != TIER:
        fail("runner", f"there is no tier {job['tier']}")
    if task["do"] == "prepare":
        return prepare(job["artifacts"], job["guest"])
    keep_limits(job["limits"])
    try:
        measure(job, task["workload"], task["requests"], task["sampling"])
    except Exception as error:
        stage = place(error)
        kind = "memory" if isinstance(error, MemoryError) else "raised"
        fail(kind, f"{type(error).__name__}: {error}", traceback.format_exc())


main()
