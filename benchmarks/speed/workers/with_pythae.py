"""pythae, with its own trainer."""

import logging
import tempfile

import numpy as np
import torch
from nets import LATENT, decoder, encoder
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.samplers import NormalSampler
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from serving import parted, pieces, serve, settings
from torch import nn

logging.disable(logging.CRITICAL)
given = settings()
torch.set_num_threads(given["threads"])
latent = LATENT[given["network"]]


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.trunk, width = encoder(given["network"])
        self.mean, self.log_variance = (nn.Linear(width, latent) for _ in range(2))

    def forward(self, x):
        h = self.trunk(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.net = decoder(given["network"])

    def forward(self, z):
        return ModelOutput(reconstruction=self.net(z))


config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent, reconstruction_loss="bce")
device = given["device"]
model = VAE(config, encoder=Encoder(), decoder=Decoder()).to(device)
rows = torch.from_numpy(np.load(given["data"])).float()[:, None] / 255
rows, test = parted(rows, given)
trainers = {}


def trainer_for(count):
    if count not in trainers:
        settings_ = BaseTrainerConfig(
            output_dir=tempfile.mkdtemp(), num_epochs=1, learning_rate=1e-3,
            per_device_train_batch_size=given["batch"], no_cuda=given["device"] == "cpu",
        )  # fmt: skip
        part = BaseDataset(rows[:count], torch.ones(count))
        trainer = BaseTrainer(model, train_dataset=part, training_config=settings_)
        trainer.prepare_training()
        trainers[count] = trainer
    return trainers[count]


def training(count):
    trainer_for(count).train_step(1)


def encoding(count):
    model.eval()
    torch.cat([model.embed(x.to(device)).cpu() for x in rows[:count].split(512)])


def sampling(count):
    NormalSampler(model).sample(num_samples=count, batch_size=512, return_gen=True)


@torch.no_grad()
def test_loss(count):
    model.eval()
    losses = [model({"data": x.to(device)}).loss.item() for x in pieces(test[:count])]
    model.train()
    return sum(losses) / len(losses) if losses else None


serve({
    "training": training, "encoding": encoding, "sampling": sampling, "test loss": test_loss,
})  # fmt: skip
