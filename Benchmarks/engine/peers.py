"""Other engines on the same weights: one engine, one image size, one process.

usage: peers.py ENGINE MODEL GRAPH WIDTHxHEIGHT THREADS REPEAT
Prints what `staypos bench --json` prints. Preprocessing is part of the time, as it is for staypos.
"""

import json
import statistics
import struct
import sys
import time

import numpy as np

def image(width, height):
    return np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def onnxruntime(graph, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda values: session.run(None, {"image": values})[0]


def openvino(precision):
    def load(graph, threads):
        import openvino

        compiled = openvino.Core().compile_model(graph, "CPU", {
            "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
        return lambda values: compiled([values])[0]

    return load


def read_safetensors(path):
    """Metadata and tensors."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__")
    return metadata, {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], dtype="<f4").reshape(entry["shape"])
        for name, entry in header.items()}


def torch(model, threads):
    """BatchNorm folded into the convolutions, channels last: what PyTorch is told to do for speed."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    values = {name: torch.from_numpy(array.copy()) for name, array in read_safetensors(model)[1].items()}

    def layer(source, convolution, normalization, stride=1):
        scale = values[f"{normalization}.weight"] / torch.sqrt(values[f"{normalization}.running_var"] + 1e-5)
        shift = values[f"{normalization}.bias"] - values[f"{normalization}.running_mean"] * scale
        weight = (values[f"{convolution}.weight"] * scale[:, None, None, None]).to(memory_format=torch.channels_last)
        return functional.conv2d(source, weight, shift, stride, padding=weight.shape[-1] // 2)

    def run(pixels):
        with torch.inference_mode():
            x = torch.from_numpy(pixels).to(memory_format=torch.channels_last)
            x = functional.max_pool2d(functional.relu_(layer(x, "conv1", "bn1")), 3, 1, 1)
            for stage, depth in enumerate((3, 4, 6, 3), start=1):
                for block in range(depth):
                    name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
                    inner = functional.relu_(layer(x, f"{name}.conv1", f"{name}.bn1"))
                    inner = functional.relu_(layer(inner, f"{name}.conv2", f"{name}.bn2", stride))
                    shortcut = layer(x, f"{name}.downsample.0", f"{name}.downsample.1", stride) if block == 0 else x
                    x = functional.relu_(layer(inner, f"{name}.conv3", f"{name}.bn3").add_(shortcut))
            return functional.linear(x.mean((2, 3)), values["fc.weight"], values["fc.bias"]).numpy()

    return run


# Name: what loads it, and whether it reads the graph (else the staypos model).
ENGINES = {
    "onnxruntime fp32": (onnxruntime, True),
    "OpenVINO fp32": (openvino("f32"), True),
    "OpenVINO bf16": (openvino("bf16"), True),
    "PyTorch fp32": (torch, False),
}


def peak_bytes():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024


def main():
    engine, model, graph, size, threads, repeat = sys.argv[1:]
    width, height = map(int, size.split("x"))
    before = peak_bytes()
    load, reads_graph = ENGINES[engine]
    run = load(graph if reads_graph else model, int(threads))
    pixels = image(width, height)
    preprocessing = json.loads(read_safetensors(model)[0]["preprocessing"])
    mean, std = (np.array(preprocessing[key], dtype=np.float32) for key in ("mean", "std"))
    times = []
    for _ in range(int(repeat) + 1):
        start = time.perf_counter()
        values = (pixels.astype(np.float32) / 255 - mean) / std
        logit = float(run(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))[0, 0])
        times.append(time.perf_counter() - start)
    print(json.dumps({
        "medianSeconds": statistics.median(times[1:]), "peakBytes": peak_bytes(), "interpreterBytes": before,
        "logit": logit}))


if __name__ == "__main__":
    main()
