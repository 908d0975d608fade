"""pythae's variants, trained in pythae's own environment; benchmarks/zoo.py calls this.

    python benchmarks/zoo_pythae.py ROWS.npy MODEL OPTIONS SEED EPOCHS RATE WEIGHTS.npz

The network is the one of zoo.py, layer by layer; the weights go back, and are measured there. With them go
codes of a few rows, numbers of their posteriors and what is rebuilt, by which zoo.py sees that it has the same model.
"""

import copy
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pythae.models as models
import torch
from pythae import trainers
from pythae.data.datasets import BaseDataset
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.models.normalizing_flows.layers import MaskedLinear
from torch import nn

WIDTH, LATENT = 200, 16
PLACES = 16  # of codes from a list, each of LATENT numbers
SHOWN = 1000  # rows by which models are compared
TRAINERS = {
    "FactorVAE": "Adversarial",
    "Adversarial_AE": "Adversarial",
    "RAE_L2": "CoupledOptimizer",
    "VAEGAN": "CoupledOptimizerAdversarial",
}
RATES = {
    "Base": ["learning_rate"],
    "Adversarial": ["autoencoder_learning_rate", "discriminator_learning_rate"],
    "CoupledOptimizer": ["encoder_learning_rate", "decoder_learning_rate"],
    "CoupledOptimizerAdversarial": [
        "encoder_learning_rate", "decoder_learning_rate", "discriminator_learning_rate",
    ],
}  # fmt: skip


def mlp(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
    )


class Encoder(BaseEncoder):
    def __init__(self, numbers: int = LATENT) -> None:
        super().__init__()
        self.latent_dim = numbers
        self.trunk = mlp(784)
        self.mean = nn.Linear(WIDTH, numbers)
        self.log_variance = nn.Linear(WIDTH, self.spreads(numbers))

    def spreads(self, numbers: int) -> int:
        return numbers

    def forward(self, x):
        h = self.trunk(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    def __init__(self, numbers: int = LATENT) -> None:
        super().__init__()
        self.numbers, self.trunk, self.last = numbers, mlp(numbers), nn.Linear(WIDTH, 784)

    def forward(self, z):
        shape = z.shape[:-1]
        raw = self.last(self.trunk(z.reshape(-1, self.numbers)))
        return ModelOutput(reconstruction=self.shown(raw).reshape(*shape, 1, 28, 28))

    def shown(self, raw):
        return raw.sigmoid()


class LogitsDecoder(Decoder):
    """Logits, where a model expects these."""

    def shown(self, raw):
        return raw


class AxisEncoder(Encoder):
    """One spread for all numbers."""

    def spreads(self, numbers: int) -> int:
        return 1

    def forward(self, x):
        found = super().forward(x)
        return ModelOutput(embedding=found.embedding, log_concentration=found.log_covariance)


class BallEncoder(Encoder):
    """Means inside the ball, no further than 8 from its middle. By a linear layer, which is pythae's own, they leave it, and
    training ends with a loss of nan."""

    def forward(self, x):
        found = super().forward(x)
        raw = found.embedding
        far = raw.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        found.embedding = torch.tanh(4 * torch.tanh(far / 8)) / far * raw
        return found


class PlacesEncoder(Encoder):
    """Numbers place by place, as a map of one column."""

    def __init__(self, numbers: int) -> None:
        super().__init__(PLACES * numbers)

    def forward(self, x):
        places = super().forward(x).embedding.unflatten(1, (PLACES, -1))
        return ModelOutput(embedding=places.transpose(1, 2)[..., None])


class PlacesDecoder(Decoder):
    """The same way back."""

    def __init__(self, numbers: int) -> None:
        super().__init__(PLACES * numbers)

    def forward(self, z):
        return super().forward(in_line(z))


def normal(model, e):
    return {"mean": e.embedding, "spread": (e.log_covariance / 2).exp()}


def point(model, e):
    return {"mean": e.embedding}


def axis(model, e):
    return nn.functional.normalize(e.embedding, dim=-1)


def quantised(model, e):
    return model.quantizer(e.embedding.permute(0, 2, 3, 1)).quantized_vector


def in_line(code):
    """Codes of a map of one column, place by place."""
    return code[..., 0].transpose(1, 2).flatten(1)


def by_steps(model, z):
    for step in model.net:
        z = step(z).out
    return z


def by_blocks(model, z):
    return model.iaf_flow.inverse(z).out


@torch.enable_grad()
def moved(move, model, e):
    """Where means are moved, and the log of the determinant of the derivatives there, as autograd has them."""
    exact = copy.deepcopy(model).double()
    z = e.embedding.double().requires_grad_()
    y = move(exact, z)
    each = [torch.autograd.grad(v.sum(), z, retain_graph=True)[0] for v in y.unbind(1)]
    log_det = torch.linalg.slogdet(torch.stack(each, 1))[1]
    return {"from": z, "moved": y, "log_det": log_det}


def numbers_of(module):
    return torch.cat([each.flatten() for each in module.parameters()])


def blocks(flow):
    """The weights of each block, those that are masked being 0, and biases."""
    flow = copy.deepcopy(flow)
    for layer in flow.modules():
        if isinstance(layer, MaskedLinear):
            layer.weight.data.mul_(layer.mask)
    return [numbers_of(block) for block in flow.net]


@dataclass(frozen=True)
class Kind:
    """What is particular to a model of pythae's.

    Args:
        encode: its encoder, of so many numbers of a code.
        decode: its decoder, likewise.
        more: what it learns beside both networks, by the name that zoo.py has for it.
        code: of rows that were encoded, without chance.
        told: numbers of their posteriors, by the name that zoo.py has for them.
        means: p(x = 1 | z) of what the decoder gives.
        vector: codes as vectors.
    """

    encode: Callable[[int], Any] = Encoder
    decode: Callable[[int], Any] = Decoder
    more: Callable[[Any], dict] = lambda model: {}
    code: Callable[[Any, Any], Any] = lambda model, e: e.embedding
    told: Callable[[Any, Any], dict] = normal
    means: Callable[[Any], Any] = lambda shown: shown
    vector: Callable[[Any], Any] = lambda code: code


def flowed(move, more):
    """Of a model whose codes are moved."""
    return Kind(
        more=more,
        code=lambda model, e: move(model, e.embedding),
        told=lambda model, e: {
            "base spread": (e.log_covariance / 2).exp(), **moved(move, model, e)
        },
    )  # fmt: skip


POINT = Kind(told=point)
KINDS = {
    "AE": POINT,
    "WAE_MMD": POINT,
    "Adversarial_AE": POINT,
    "RAE_L2": POINT,
    "RAE_GP": POINT,
    "VAMP": Kind(more=lambda m: {"pseudo": m.pseudo_inputs(m.idle_input)}),
    "VQVAE": Kind(
        PlacesEncoder,
        PlacesDecoder,
        lambda m: {"book": getattr(m.quantizer.embeddings, "weight", m.quantizer.embeddings)},
        quantised,
        lambda model, e: {"mean": in_line(quantised(model, e))},
        vector=in_line,
    ),
    "SVAE": Kind(
        AxisEncoder,
        code=axis,
        told=lambda model, e: {
            "loc": axis(model, e),
            "concentration": nn.functional.softplus(e.log_concentration)[:, 0] + 1,
        },
    ),
    "PoincareVAE": Kind(
        BallEncoder,
        told=lambda model, e: {"loc": e.embedding, "scale": (e.log_covariance / 2).exp()},
    ),
    "HVAE": Kind(
        decode=LogitsDecoder,
        told=lambda model, e: {
            "mean": e.embedding,
            "spread": nn.functional.softplus(e.log_covariance),
        },
        means=torch.sigmoid,
    ),
    "VAE_LinNF": flowed(
        by_steps,
        lambda m: {m.model_config.flows[0]: torch.stack([numbers_of(step) for step in m.net])},
    ),
    "VAE_IAF": flowed(by_blocks, lambda m: {"blocks": torch.stack(blocks(m.iaf_flow))}),
}


@torch.no_grad()
def shown(kind: Kind, model, x) -> dict:
    """Of a few rows: their codes, what is told of their posteriors, and what is rebuilt."""
    model.eval()
    e = model.encoder(x)
    code = kind.code(model, e)
    rebuilt = kind.means(model.decoder(code).reconstruction)
    return {"x": x, "code": kind.vector(code), "rebuilt": rebuilt, **kind.told(model, e)}


def main() -> None:
    rows, name, options, seed, epochs, lr, out = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    kind = KINDS.get(name, Kind())
    made = getattr(models, f"{name}_Config", None) or getattr(models, f"{name}Config")
    loss = (
        {"reconstruction_loss": "bce"} if "reconstruction_loss" in made.__dataclass_fields__ else {}
    )
    how = made(input_dim=(1, 28, 28), **{"latent_dim": LATENT, **loss, **json.loads(options)})
    encoder, decoder = kind.encode(how.latent_dim), kind.decode(how.latent_dim)
    model = getattr(models, name)(how, encoder=encoder, decoder=decoder)
    x = torch.from_numpy(np.load(rows)).float().reshape(-1, 1, 28, 28)
    trainer = TRAINERS.get(name, "Base")
    with tempfile.TemporaryDirectory() as folder:
        settings = getattr(trainers, f"{trainer}TrainerConfig")(
            output_dir=folder, num_epochs=int(epochs), per_device_train_batch_size=128, no_cuda=True,
            seed=int(seed), **dict.fromkeys(RATES[trainer], float(lr)),
        )  # fmt: skip
        getattr(trainers, f"{trainer}Trainer")(
            model, train_dataset=BaseDataset(x, torch.ones(len(x))), training_config=settings
        ).train()
    layers = [encoder.trunk[1], encoder.trunk[3], encoder.mean, encoder.log_variance]
    layers += [decoder.trunk[1], decoder.trunk[3], decoder.last]
    kept = {f"w{i}": each.weight for i, each in enumerate(layers)}
    kept |= {f"b{i}": each.bias for i, each in enumerate(layers)}
    kept |= {f"seen {k}": v for k, v in shown(kind, model, x[:SHOWN]).items()}
    np.savez(out, **{k: v.detach().numpy() for k, v in {**kept, **kind.more(model)}.items()})


main()
