"""A random autoencoder of TAESD's family and what PyTorch makes of an image.

    python3 autoencoder_reference.py DIRECTORY SEED WIDTH HEIGHT LATENT POOLED [ENCODER DECODER]

writes DIRECTORY/encoder.pth and decoder.pth (unless two files are named), DIRECTORY/image.rgb and reconstruction.rgb (raw
8-bit RGB) and DIRECTORY/reconstruction.f32 (before rounding, the same order). The network is written here a second time,
from its description, on torch.nn alone: nothing of it comes from staypos.
"""

import sys

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, inputs, outputs, pooled=False):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        self.pool = nn.Sequential(
            nn.Conv2d(inputs, 4 * inputs, 1, bias=False), nn.GroupNorm(4, 4 * inputs), nn.ReLU(),
            nn.Conv2d(4 * inputs, inputs, 1, bias=False)) if pooled else None

    def forward(self, x):
        if self.pool is not None:
            x = x + self.pool(x)
        return F.relu(self.conv(x) + self.skip(x))


class Clamp(nn.Module):
    def forward(self, x):
        return torch.tanh(x / 3) * 3


def encoder(width, latent, pooled):
    layers = [nn.Conv2d(3, width, 3, padding=1), Block(width, width)]
    for stage in range(3):
        layers.append(nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False))
        layers += [Block(width, width, pooled and stage == 2) for _ in range(3)]
    return nn.Sequential(*layers, nn.Conv2d(width, latent, 3, padding=1))


def decoder(width, latent, pooled):
    layers = [Clamp(), nn.Conv2d(latent, width, 3, padding=1), nn.ReLU()]
    for stage in range(3):
        layers += [Block(width, width, pooled and stage == 0) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1, bias=False)]
    return nn.Sequential(*layers, Block(width, width), nn.Conv2d(width, 3, 3, padding=1))


def main(directory, seed, width, height, latent, pooled, files):
    torch.manual_seed(seed)
    torch.set_grad_enabled(False)
    halves = encoder(64, latent, pooled), decoder(64, latent, pooled)
    for half, name, file in zip(halves, ("encoder", "decoder"), files or (None, None)):
        if file:
            half.load_state_dict(torch.load(file, map_location="cpu"))
        else:
            for parameter in half.parameters():
                if parameter.dim() > 1:
                    nn.init.normal_(parameter, 0, (1.4 / parameter[0].numel()) ** 0.5)
            half[-1].weight *= 0.2
            torch.save(half.state_dict(), f"{directory}/{name}.pth")
    image = torch.randint(0, 256, (3, (height + 3) // 4, (width + 3) // 4)).float()[None]
    image = F.interpolate(image, scale_factor=4, mode="bilinear", align_corners=False)[:, :, :height, :width].round()
    with open(f"{directory}/image.rgb", "wb") as output:
        output.write(image[0].permute(1, 2, 0).contiguous().byte().numpy().tobytes())
    x = F.pad(image / 255, (0, -width % 8, 0, -height % 8), mode="replicate")
    y = halves[1](halves[0](x))[:, :, :height, :width].clamp(0, 1)[0].permute(1, 2, 0).contiguous() * 255
    with open(f"{directory}/reconstruction.f32", "wb") as output:
        output.write(y.numpy().tobytes())


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:7]), files=sys.argv[7:])
