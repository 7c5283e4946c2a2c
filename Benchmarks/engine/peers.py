"""Other engines on the same weights: one engine, one image size, one process.

usage: peers.py ENGINE MODEL GRAPH WIDTHxHEIGHT THREADS REPEAT
       peers.py ENGINE MODEL GRAPH WIDTHxHEIGHT THREADS FILE…
Prints what `staypos bench --json` prints. Preprocessing is part of the time, as it is for staypos. Files are scored once,
one after the other; the next is decoded meanwhile.
"""

import concurrent.futures
import json
import os
import statistics
import struct
import sys
import time

import numpy as np


def image(width, height):
    return np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def normalized(run, mean, std):
    """For networks that take numbers: (N, C, H, W)."""
    def normalize_and_run(pixels):
        values = (pixels.astype(np.float32) / 255 - mean) / std
        return run(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))

    return normalize_and_run


def onnxruntime(graph, threads, mean, std):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return normalized(lambda values: session.run(None, {"image": values})[0], mean, std)


def openvino(precision):
    """With the preprocessing in the network, as one does for speed."""
    def load(graph, threads, mean, std):
        import openvino
        from openvino.preprocess import PrePostProcessor

        core = openvino.Core()
        preprocessor = PrePostProcessor(core.read_model(graph))
        source = preprocessor.input()
        source.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        source.model().set_layout(openvino.Layout("NCHW"))
        source.preprocess().convert_element_type(openvino.Type.f32).mean([float(value) * 255 for value in mean]).scale(
            [float(value) * 255 for value in std])
        compiled = core.compile_model(preprocessor.build(), "CPU", {
            "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
        return lambda pixels: compiled([pixels[None]])[0]

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


def torch(model, threads, mean, std):
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

    return normalized(run, mean, std)


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


def decode(path):
    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = None
    with PIL.Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def scores(run, paths):
    """Holds two images at once."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = pool.submit(decode, paths[0])
        for following in [*paths[1:], None]:
            pixels = coming.result()
            if following:
                coming = pool.submit(decode, following)
            yield float(run(pixels)[0, 0])


def main():
    engine, model, graph, size, threads, *rest = sys.argv[1:]
    before = peak_bytes()
    load, reads_graph = ENGINES[engine]
    preprocessing = json.loads(read_safetensors(model)[0]["preprocessing"])
    mean, std = (np.array(preprocessing[key], dtype=np.float32) for key in ("mean", "std"))
    try:
        run = load(graph if reads_graph else model, int(threads), mean, std)
        if not rest[0].isdecimal():
            import PIL.Image
    except ImportError as error:
        print(f"{engine}: {error}", file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
    if rest[0].isdecimal():
        pixels = image(*map(int, size.split("x")))
        times = []
        for _ in range(int(rest[0]) + 1):
            start = time.perf_counter()
            logit = float(run(pixels)[0, 0])
            times.append(time.perf_counter() - start)
        seconds = statistics.median(times[1:])
    else:
        start = time.perf_counter()
        logits = list(scores(run, rest))
        seconds = time.perf_counter() - start
        logit = statistics.mean(logits)
    print(json.dumps({
        "medianSeconds": seconds, "peakBytes": peak_bytes(), "interpreterBytes": before, "logit": logit}))


if __name__ == "__main__":
    main()
