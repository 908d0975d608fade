"""A VAE as people write it in PyTorch: a module, a DataLoader, Adam, a loop."""

import numpy as np
import torch
from nets import LATENT, decoder, encoder
from serving import parted, pieces, serve, settings
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

given = settings()
torch.set_num_threads(given["threads"])


class VAE(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.trunk, width = encoder(network)
        self.mean, self.log_variance = (nn.Linear(width, LATENT[network]) for _ in range(2))
        self.decoder = decoder(network)

    def forward(self, x):
        h = self.trunk(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decoder(z), mean, log_variance


device = given["device"]
model = VAE(given["network"]).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
rows = torch.from_numpy(np.load(given["data"])).float()[:, None] / 255
rows, test = parted(rows, given)


def loss_of(x):
    p, mean, log_variance = model(x)
    bce = F.binary_cross_entropy(p, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_variance - mean**2 - log_variance.exp())
    return (bce + kl) / len(x)


def training(count):
    loader = DataLoader(TensorDataset(rows[:count]), batch_size=given["batch"], shuffle=True)
    for (x,) in loader:
        optimizer.zero_grad()
        loss = loss_of(x.to(device))
        loss.backward()
        optimizer.step()
        loss.item()


@torch.no_grad()
def encoding(count):
    torch.cat([model.mean(model.trunk(x.to(device))).cpu() for x in rows[:count].split(512)])


@torch.no_grad()
def sampling(count):
    codes = torch.randn(count, LATENT[given["network"]])
    torch.cat([model.decoder(z.to(device)).cpu() for z in codes.split(512)])


@torch.no_grad()
def test_loss(count):
    losses = [loss_of(x.to(device)).item() for x in pieces(test[:count])]
    return sum(losses) / len(losses) if losses else None


serve({
    "training": training, "encoding": encoding, "sampling": sampling, "test loss": test_loss,
})  # fmt: skip
