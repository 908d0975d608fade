"""The two networks in plain PyTorch."""

from torch import nn

LATENT = {"conv": 2, "dense": 20}


def encoder(network):
    """(trunk, features): two linear heads follow."""
    if network == "dense":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU()), 400
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(3136, 16), nn.ReLU(),
    ), 16  # fmt: skip


def decoder(network):
    """z to probabilities, (rows, 1, 28, 28)."""
    if network == "dense":
        layers = [nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))]
    else:
        layers = [
            nn.Linear(2, 3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
            nn.ConvTranspose2d(64, 64, 3, 2, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 3, 1, 1),
        ]  # fmt: skip
    return nn.Sequential(*layers, nn.Sigmoid())
