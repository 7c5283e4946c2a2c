"""Checkpoints as PyTorch writes them, and what PyTorch knows about them.

    python3 checkpoint_reference.py random DIRECTORY SEED COUNT
    python3 checkpoint_reference.py networks DIRECTORY SEED CASE…
    python3 checkpoint_reference.py script FILE
    python3 checkpoint_reference.py digest FILE

`random` writes COUNT files N.pth with random objects in all formats, and N.json: [{"name", "type", "shape", "bytes"}, …]
with the values in base 64, row-major. `networks` writes CASE.pth, CASE.rgb (raw 8-bit RGB), and CASE.json: {"width", "height",
"logit", "magnitude", "architecture"}; nodown-optimizer is a file like
Corvi2023's, 282 MB. `script` writes a TorchScript archive. `digest` prints the names, shapes and the SHA-256 of the values of
a state_dict that staypos has exported.
"""

import base64
import collections
import hashlib
import json
import random
import sys

import torch
from torch import nn

import torch_reference as reference

TYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
    torch.complex64: "C64",
}


def raw(tensor):
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy().tobytes()


def random_tensor():
    shape = [random.randint(0, 4) if random.random() < 0.1 else random.randint(1, 5) for _ in range(random.randint(0, 4))]
    dtype = random.choice(list(TYPES))
    if dtype == torch.complex64:
        tensor = torch.randn(shape, dtype=dtype)
    elif dtype.is_floating_point:
        tensor = torch.randn(shape).to(dtype)
    elif dtype == torch.bool:
        tensor = torch.rand(shape) < 0.5
    else:
        tensor = torch.randint(0, 100, shape).to(dtype)
    kind = random.random()
    if kind < 0.15 and tensor.dim() > 1:
        tensor = tensor.transpose(0, tensor.dim() - 1)
    elif kind < 0.3 and tensor.dim() > 0 and tensor.shape[0] > 2:
        tensor = tensor[1::2]
    elif kind < 0.4 and tensor.dim() > 0:
        tensor = tensor.unsqueeze(1).expand(tensor.shape[0], 3, *tensor.shape[1:])
    elif kind < 0.5 and tensor.dim() == 4:
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    elif kind < 0.6 and dtype.is_floating_point:
        tensor = nn.Parameter(tensor)
    elif kind < 0.65:
        tensor = tensor.flatten()[: max(0, tensor.numel() - 1)]
    return tensor


def random_object(depth, shared):
    """A tree of collections, numbers, strings and tensors, some of them in several places."""
    kind = random.random()
    if depth == 0 or kind < 0.5:
        if shared and random.random() < 0.15:
            return random.choice(shared)
        tensor = random_tensor()
        shared.append(tensor)
        return tensor
    if kind < 0.8:
        items = [(random.choice(["conv", "é", "a.b", "", "x\n", "weight"]) + str(i), random_object(depth - 1, shared)) for i in range(random.randint(0, 5))]
        if random.random() < 0.3:
            items += [(7, random_object(depth - 1, shared)), (None, 3)]
        return random.choice([dict, collections.OrderedDict, lambda x: collections.defaultdict(dict, x)])(items)
    if kind < 0.95:
        return random.choice([list, tuple])(random_object(depth - 1, shared) for _ in range(random.randint(0, 4)))
    return random.choice([None, True, 3, -70000, 1 << 40, -(1 << 40), 2.5, "text", torch.Size([1, 2])])


def listing(value, path=()):
    if isinstance(value, torch.Tensor):
        yield ".".join(path), value
    elif isinstance(value, dict):
        for key, element in value.items():
            if isinstance(key, (str, int)):
                yield from listing(element, path + (str(key),))
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            yield from listing(element, path + (str(index),))


def write_random(directory, seed, count):
    for index in range(count):
        random.seed(f"{seed} {index}")
        torch.manual_seed(random.getrandbits(60))
        root = {"state": random_object(3, []), "epoch": index, "list": [random_object(2, [])]}
        if random.random() < 0.2:
            module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
            root = {"model": module.state_dict(), "optimizer": trained(module).state_dict()}
        names = [name for name, _ in listing(root)]
        if len(set(names)) != len(names):
            continue
        legacy = random.random() < 0.4
        options = {} if legacy else {"pickle_protocol": random.choice([2, 2, 4])}
        torch.save(root, f"{directory}/{index}.pth", _use_new_zipfile_serialization=not legacy, **options)
        with open(f"{directory}/{index}.json", "w") as file:
            json.dump([
                {"name": name, "type": TYPES[tensor.dtype], "shape": list(tensor.shape),
                 "bytes": base64.b64encode(raw(tensor)).decode()} for name, tensor in listing(root)
            ], file)


class Detector(nn.Module):
    """A backbone with the head that the official code gives it."""

    def __init__(self, architecture, outputs=1):
        super().__init__()
        kind = {"resnet": reference.ResNet, "efficientnet-lite": reference.EfficientNetLite}
        self.backbone = kind[architecture["family"]](architecture)
        self.fc = nn.Linear(self.backbone.features, outputs)

    def forward(self, x):
        return self.fc(self.backbone(x).mean((2, 3)))

    def states(self):
        """As if head and backbone were one module."""
        return collections.OrderedDict(
            (name.removeprefix("backbone."), value) for name, value in self.state_dict().items())


NODOWN = reference.resnet("bottleneck", (7, 1, 3, (3, 1, 1)), [64, 128, 256, 512], [3, 4, 6, 3], [1, 2, 2, 2])
SMALL = reference.resnet("bottleneck", (3, 2, 1, None), [8, 16], [2, 1], [1, 2])
LITE = reference.lite((3, 2, 8), [(3, 1, 1, 16, 1), (5, 2, 6, 24, 2)], 48, 32)

# architecture, type of the weights, zip format, optimizer, how the file wraps them, heads
CASES = {
    "nodown-optimizer": (NODOWN, torch.float32, True, True, lambda s: {"model": s}, 1),
    "nodown-half-legacy": (NODOWN, torch.float16, False, False, lambda s: {"state_dict": {"module." + k: v for k, v in s.items()}, "epoch": 3}, 1),
    "small-bfloat16": (SMALL, torch.bfloat16, True, True, lambda s: {"net": s, "best": 0.5}, 1),
    "small-double-legacy": (SMALL, torch.float64, False, True, lambda s: {"a": {"b": {"model._orig_mod." + k: v for k, v in s.items()}}}, 1),
    "small-channels-last": (SMALL, torch.float32, True, False, lambda s: s, 1),
    "small-two-classes": (SMALL, torch.float32, True, False, lambda s: s, 2),
    "lite-half": (LITE, torch.float16, True, False, lambda s: {"backbone." + k: v for k, v in s.items()}, 1),
}


def trained(model):
    """An optimizer with its averages, as after a step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    with torch.enable_grad():
        optimizer.step()
    return optimizer


def write_network(directory, seed, name):
    random.seed(f"{seed} {name}")
    torch.manual_seed(random.getrandbits(60))
    architecture, dtype, is_zip, has_optimizer, wrap, outputs = CASES[name]
    model = Detector(architecture, outputs).eval()
    reference.randomise(model)
    model = model.to(dtype)
    if name == "small-channels-last":
        model = model.to(memory_format=torch.channels_last)
    file = wrap(model.states())
    if has_optimizer:
        file |= {"optimizer": trained(model).state_dict(), "total_steps": 70_000}
    torch.save(file, f"{directory}/{name}.pth", _use_new_zipfile_serialization=is_zip)
    del file
    model = model.float()
    width, height = random.randint(40, 90), random.randint(40, 90)
    pixels = reference.image(width, height)
    with open(f"{directory}/{name}.rgb", "wb") as output:
        output.write(pixels.permute(1, 2, 0).contiguous().numpy().tobytes())
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    if architecture["family"] == "efficientnet-lite":
        mean, std = [127 / 255] * 3, [128 / 255] * 3
    x = (pixels.float() / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    features = model.backbone(x[None])[0].double().mean((1, 2))
    weight, bias = model.fc.weight.double(), model.fc.bias.double()
    if outputs == 2:
        weight, bias = weight[1] - weight[0], bias[1] - bias[0]
    weight, bias = weight.flatten(), bias.flatten()
    with open(f"{directory}/{name}.json", "w") as output:
        json.dump({
            "width": width, "height": height, "logit": float(features @ weight + bias),
            "magnitude": float(features @ weight.abs() + bias.abs()), "architecture": json.dumps(architecture),
        }, output)


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.scale = 2.5
        self.sizes = [1, 2, 3]

    def forward(self, x):
        return self.body(x) * self.scale + self.sizes[0]


def main(command, *arguments):
    if command == "random":
        write_random(arguments[0], arguments[1], int(arguments[2]))
    elif command == "networks":
        for case in arguments[2:]:
            write_network(arguments[0], arguments[1], case)
    elif command == "script":
        torch.jit.script(Scripted().eval()).save(arguments[0])
    elif command == "digest":
        for name, tensor in torch.load(arguments[0]).items():
            print(name, TYPES[tensor.dtype], list(tensor.shape), hashlib.sha256(raw(tensor)).hexdigest())


with torch.no_grad():
    main(*sys.argv[1:])
