"""pythae's variants, trained in pythae's own environment; benchmarks/zoo.py calls this.

    python benchmarks/zoo_pythae.py ROWS.npy MODEL OPTIONS SEED EPOCHS RATE WEIGHTS.npz

The network is the one of zoo.py, layer by layer; the weights go back, and are measured there.
"""

import json
import logging
import sys
import tempfile

import numpy as np
import pythae.models as models
import torch
from pythae import trainers
from pythae.data.datasets import BaseDataset
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn

WIDTH, LATENT = 200, 16
PLACES, SIZE = 16, 16  # of codes from a list
CONFIGS = {
    "INFOVAE_MMD",
    "WAE_MMD",
    "Adversarial_AE",
    "RAE_L2",
    "RAE_GP",
}  # whose configurations are named with a _ more
TRAINERS = {
    "FactorVAE": "Adversarial",
    "Adversarial_AE": "Adversarial",
    "RAE_L2": "CoupledOptimizer",
}


def mlp(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
    )


class Encoder(BaseEncoder):
    def __init__(self, numbers: int = LATENT) -> None:
        super().__init__()
        self.latent_dim = numbers
        self.trunk = mlp(784)
        self.mean, self.log_variance = (nn.Linear(WIDTH, numbers) for _ in range(2))

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
        return ModelOutput(reconstruction=raw.sigmoid().reshape(*shape, 1, 28, 28))


class PlacesEncoder(Encoder):
    """Numbers place by place, as a map of one column."""

    def __init__(self) -> None:
        super().__init__(PLACES * SIZE)

    def forward(self, x):
        places = super().forward(x).embedding.reshape(-1, PLACES, SIZE)
        return ModelOutput(embedding=places.transpose(1, 2)[..., None])


class PlacesDecoder(Decoder):
    """The same way back."""

    def __init__(self) -> None:
        super().__init__(PLACES * SIZE)

    def forward(self, z):
        return super().forward(z[..., 0].transpose(1, 2).flatten(1))


NETWORKS = {"VQVAE": (PlacesEncoder, PlacesDecoder)}
MORE = {  # what a model learns beside both networks
    "VAMP": lambda m: {"pseudo": m.pseudo_inputs(m.idle_input)},
    "VQVAE": lambda m: {"book": getattr(m.quantizer.embeddings, "weight", m.quantizer.embeddings)},
}


def main() -> None:
    rows, name, options, seed, epochs, lr, out = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    kind, config = getattr(models, name), f"{name}_Config" if name in CONFIGS else f"{name}Config"
    made = getattr(models, config)
    loss = (
        {"reconstruction_loss": "bce"} if "reconstruction_loss" in made.__dataclass_fields__ else {}
    )
    how = made(input_dim=(1, 28, 28), latent_dim=LATENT, **{**loss, **json.loads(options)})
    encode, decode = NETWORKS.get(name, (Encoder, Decoder))
    model = kind(how, encoder=encode(), decoder=decode())
    x = torch.from_numpy(np.load(rows)).float().reshape(-1, 1, 28, 28)
    trainer = f"{TRAINERS.get(name, 'Base')}Trainer"
    rate = (
        {"learning_rate": float(lr)}
        if trainer == "BaseTrainer"
        else {"autoencoder_learning_rate": float(lr), "discriminator_learning_rate": float(lr)}
        if "Adversarial" in trainer
        else {"encoder_learning_rate": float(lr), "decoder_learning_rate": float(lr)}
    )
    with tempfile.TemporaryDirectory() as folder:
        settings = getattr(trainers, f"{trainer}Config")(
            output_dir=folder, num_epochs=int(epochs), per_device_train_batch_size=128, no_cuda=True,
            seed=int(seed), **rate,
        )  # fmt: skip
        getattr(trainers, trainer)(
            model, train_dataset=BaseDataset(x, torch.ones(len(x))), training_config=settings
        ).train()
    encoder, decoder = model.encoder, model.decoder
    layers = [encoder.trunk[1], encoder.trunk[3], encoder.mean, encoder.log_variance]
    layers += [decoder.trunk[1], decoder.trunk[3], decoder.last]
    kept = {f"w{i}": each.weight.detach().numpy() for i, each in enumerate(layers)}
    kept |= {f"b{i}": each.bias.detach().numpy() for i, each in enumerate(layers)}
    more = MORE.get(name, lambda model: {})(model)
    np.savez(out, **kept, **{k: v.detach().numpy() for k, v in more.items()})


main()
