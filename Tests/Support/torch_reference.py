"""Random networks, random images and what PyTorch makes of them.

    python3 torch_reference.py DIRECTORY SEED CASE…

writes DIRECTORY/CASE.safetensors (a staypos-model), DIRECTORY/CASE-N.rgb (raw 8-bit RGB) and DIRECTORY/CASE.json:
[{"width", "height", "image", "logit", "magnitude", "map_width", "map_height", "map"}, …], with
magnitude = sum of |w h| + |b|. The networks are written here a second time, from the papers, on torch.nn alone: nothing of
them comes from staypos.
"""

import json
import os
import random
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F


class Basic(nn.Module):
    expansion = 1

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = shortcut(inputs, 4 * width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def shortcut(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    def __init__(self, a):
        super().__init__()
        block = {"basic": Basic, "bottleneck": Bottleneck}[a["block"]]
        stem = a["stem"]
        width = a["widths"][0]
        self.conv1 = nn.Conv2d(3, width, stem["kernel"], stem["stride"], stem["padding"], bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        pool = stem["pool"]
        self.pool = nn.MaxPool2d(pool["kernel"], pool["stride"], pool["padding"]) if pool else nn.Identity()
        self.stages = len(a["widths"])
        for stage, (planes, depth, stride) in enumerate(zip(a["widths"], a["depths"], a["strides"])):
            blocks = []
            for index in range(depth):
                blocks.append(block(width, planes, stride if index == 0 else 1))
                width = planes * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.features = width

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return x


def same(x, kernel, stride):
    """Padding as the EfficientNet-Lite checkpoints expect it."""
    before, after = {(3, 1): (1, 1), (5, 1): (2, 2), (3, 2): (0, 1), (5, 2): (1, 2)}[kernel, stride]
    return F.pad(x, (before, after, before, after))


class Inverted(nn.Module):
    def __init__(self, inputs, kernel, stride, expand, width):
        super().__init__()
        inner = inputs * expand
        self.kernel, self.stride, self.skip = kernel, stride, stride == 1 and inputs == width
        if expand != 1:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, eps=1e-3)
        self.expands = expand != 1
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=1e-3)
        self._project_conv = nn.Conv2d(inner, width, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(width, eps=1e-3)

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(same(y, self.kernel, self.stride))))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skip else y


class EfficientNetLite(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.stem = a["stem"]
        width = self.stem["width"]
        self._conv_stem = nn.Conv2d(3, width, self.stem["kernel"], self.stem["stride"], bias=False)
        self._bn0 = nn.BatchNorm2d(width, eps=1e-3)
        blocks = []
        for b in a["blocks"]:
            for index in range(b["repeats"]):
                blocks.append(Inverted(width, b["kernel"], b["stride"] if index == 0 else 1, b["expand"], b["width"]))
                width = b["width"]
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = nn.Conv2d(width, a["head"], 1, bias=False)
        self._bn1 = nn.BatchNorm2d(a["head"], eps=1e-3)
        self.features = a["head"]

    def forward(self, x):
        x = F.relu6(self._bn0(self._conv_stem(same(x, self.stem["kernel"], self.stem["stride"]))))
        return F.relu6(self._bn1(self._conv_head(self._blocks(x))))


def resnet(block, stem, widths, depths, strides):
    kernel, stride, padding, pool = stem
    pool = pool and dict(zip(("kernel", "stride", "padding"), pool))
    return {
        "family": "resnet", "block": block, "widths": widths, "depths": depths, "strides": strides,
        "stem": {"kernel": kernel, "stride": stride, "padding": padding, "pool": pool},
    }


def lite(stem, blocks, head, minimum_size):
    keys = ("kernel", "stride", "expand", "width", "repeats")
    return {
        "family": "efficientnet-lite", "stem": dict(zip(("kernel", "stride", "width"), stem)),
        "blocks": [dict(zip(keys, b)) for b in blocks], "head": head, "minimum_size": minimum_size,
    }


def random_sizes(count, low, high):
    return [(random.randint(low, high), random.randint(low, high)) for _ in range(count)]


def random_case():
    if random.random() < 0.5:
        stages = random.randint(1, 3)
        stem = random.choice([(7, 1, 3, (3, 1, 1)), (7, 2, 3, (3, 2, 1)), (3, 1, 1, None), (5, 2, 2, None), (1, 1, 0, (2, 2, 1))])
        architecture = resnet(
            random.choice(["basic", "bottleneck"]), stem, [random.choice([3, 8, 16, 20]) for _ in range(stages)],
            [random.randint(1, 2) for _ in range(stages)], [random.randint(1, 3) for _ in range(stages)])
        return architecture, random_sizes(3, 1, 60) + [(1, random.randint(1, 40)), (random.randint(1, 40), 1)]
    blocks = [
        (random.choice([3, 5]), random.choice([1, 2]), random.choice([1, 2, 6]), random.choice([5, 8, 16, 24]), random.randint(1, 2))
        for _ in range(random.randint(1, 4))
    ]
    return lite((3, 2, random.choice([6, 16])), blocks, random.choice([17, 48]), 32), random_sizes(4, 32, 90)


CASES = {
    "resnet50-nodown": lambda: (
        resnet("bottleneck", (7, 1, 3, (3, 1, 1)), [64, 128, 256, 512], [3, 4, 6, 3], [1, 2, 2, 2]),
        [(1, 1), (7, 5), (64, 64), (101, 67), (224, 224), (513, 300)]),
    "basic": lambda: (
        resnet("basic", (3, 1, 1, None), [16, 24, 40], [2, 1, 2], [1, 2, 2]), [(1, 1), (33, 47)] + random_sizes(4, 1, 80)),
    "classic-stem": lambda: (
        resnet("bottleneck", (7, 2, 3, (3, 2, 1)), [16, 32], [2, 2], [1, 2]), [(1, 1), (64, 64)] + random_sizes(4, 1, 150)),
    "lite": lambda: (
        lite((3, 2, 32), [(3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 4, 80, 1), (5, 1, 6, 80, 2)], 128, 32),
        [(32, 32), (33, 63)] + random_sizes(6, 32, 200)),
}


def randomise(model):
    """Weights that keep activations of about the same size, BatchNorm statistics far from the identity."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.4, 1.4)
            module.bias.data.normal_(0, 0.3)
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().tobytes()
        kind = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def image(width, height):
    """Noise on a slope: every pixel differs, and so do the image's four sides."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    slope = (x * 3 + y * 2) % 256
    pixels = slope[None] // 2 + torch.randint(0, 128, (3, height, width))
    return pixels.to(torch.uint8)


def run(directory, seed, name):
    random.seed(f"{seed} {name}")
    torch.manual_seed(random.getrandbits(60))
    architecture, sizes = CASES.get(name, random_case)()
    model = {"resnet": ResNet, "efficientnet-lite": EfficientNetLite}[architecture["family"]](architecture).eval()
    # Debian's PyTorch has a fast 1×1 convolution for this order only.
    model = model.to(memory_format=torch.channels_last)
    randomise(model)
    positive = name in ("resnet50-nodown", "lite") or random.random() < 0.5
    weights = torch.randn(1, model.features) / model.features**0.5
    if positive:
        weights.clamp_(min=0)
    bias = torch.randn(1) / 10
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    tensors = {key: value for key, value in model.state_dict().items()}
    tensors |= {"fc.weight": weights, "fc.bias": bias}
    write_safetensors(f"{directory}/{name}.safetensors", tensors, {
        "format": "staypos-model", "format_version": "1", "name": name, "threshold": "0.5",
        "head": "positive" if positive else "linear", "architecture": json.dumps(architecture),
        "preprocessing": json.dumps({"mean": mean, "std": std}), "card": "{}",
    })
    results = []
    for index, (width, height) in enumerate(sizes):
        pixels = image(width, height)
        file = f"{name}-{index}.rgb"
        with open(f"{directory}/{file}", "wb") as output:
            output.write(pixels.permute(1, 2, 0).contiguous().numpy().tobytes())
        x = pixels.float() / 255
        x = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
        features = model(x[None].contiguous(memory_format=torch.channels_last))[0].double()
        w, b = weights[0].double(), bias.double()
        pooled = features.mean((1, 2))
        evidence = (features * w[:, None, None]).sum(0)
        results.append({
            "width": width, "height": height, "image": file, "logit": float(pooled @ w + b),
            "magnitude": float(pooled @ w.abs() + b.abs()), "map_width": evidence.shape[1],
            "map_height": evidence.shape[0], "map": evidence.flatten().tolist(),
        })
    with open(f"{directory}/{name}.json", "w") as output:
        json.dump(results, output)


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count())
    with torch.no_grad():
        for case in sys.argv[3:]:
            run(sys.argv[1], sys.argv[2], case)
