"""PyTorch's gradients of the networks of torch_reference.py, for TrainingTests.

    gradient_reference.py DIRECTORY SEED CASE BATCH HEIGHT WIDTH running|batch STEPS

writes DIRECTORY/model.safetensors, images.f32 (STEPS batches of (N, H, W, 3), normalized), pooled.f32 (the gradient of the
means, of every batch), means.f32 (what the first batch's forward pass gives), gradients.safetensors (the first batch's), gradients32.safetensors (the same in
fp32), and trained.safetensors: parameters and statistics after STEPS steps of Adam with rate 1e-3.
"""

import copy
import random
import sys

import torch
from torch import nn

directory, seed, case, batch, height, width, mode, steps = sys.argv[1:]
sys.argv = sys.argv[:1] + [directory, seed]
from torch_reference import CASES, EfficientNetLite, ResNet, random_case, randomise, write_safetensors  # noqa: E402

import json  # noqa: E402

batch, height, width, steps = int(batch), int(height), int(width), int(steps)
random.seed(f"{seed} {case}")
torch.manual_seed(random.getrandbits(60))
architecture = CASES.get(case, random_case)()[0]
model = {"resnet": ResNet, "efficientnet-lite": EfficientNetLite}[architecture["family"]](architecture)
model = model.to(memory_format=torch.channels_last)
with torch.no_grad():
    randomise(model)
# In Double: what both lose in fp32 is measured against this.
model = model.double()


def save(path, tensors, metadata):
    write_safetensors(path, {name: tensor.detach().float() for name, tensor in tensors.items()}, metadata)


def state():
    return {name: value for name, value in model.state_dict().items() if value.dtype == torch.float64}


metadata = {
    "format": "staypos-model", "format_version": "1", "name": case, "threshold": "0.5", "head": "linear",
    "architecture": json.dumps(architecture), "preprocessing": json.dumps({"mean": [0.5] * 3, "std": [0.5] * 3}),
}
head = {"fc.weight": torch.zeros(1, model.features), "fc.bias": torch.zeros(1)}
# Both sides begin with the same fp32 numbers.
model.load_state_dict({name: value.float().double() if value.is_floating_point() else value
                       for name, value in model.state_dict().items()})
save(f"{directory}/model.safetensors", {**state(), **head}, metadata)
model.train(mode == "batch")


def gradients(model, images, pooled):
    """What a batch gives, in whatever type the model has."""
    kind = next(model.parameters()).dtype
    means = model(images.to(kind)).mean((2, 3))
    (means * pooled.to(kind)).sum().backward()
    return means


single = copy.deepcopy(model).float()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
images = torch.randn(steps, batch, 3, height, width)
pooled = torch.randn(steps, batch, model.features) / batch
for step in range(steps):
    optimizer.zero_grad()
    means = gradients(model, images[step], pooled[step])
    if step == 0:
        gradients(single, images[step], pooled[step])
        save(f"{directory}/gradients32.safetensors",
             {name: parameter.grad for name, parameter in single.named_parameters()}, {})
        means.detach().float().numpy().tofile(f"{directory}/means.f32")
        save(f"{directory}/gradients.safetensors",
             {name: parameter.grad for name, parameter in model.named_parameters()}, {})
    optimizer.step()
images.permute(0, 1, 3, 4, 2).contiguous().numpy().tofile(f"{directory}/images.f32")
pooled.numpy().tofile(f"{directory}/pooled.f32")
save(f"{directory}/trained.safetensors", {**state(), **head}, metadata)
