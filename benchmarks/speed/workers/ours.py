"""vaekit. Counts are rows, a multiple of the batch size."""

import copy
import dataclasses

import numpy as np
import torch
from serving import parted, pieces, serve, settings

from vaekit.data.readers.arrays import from_memory
from vaekit.runs.job import prepare
from vaekit.runs.trained import Trained
from vaekit.training import train
from vaekit.training.placement import Placement
from vaekit.training.validation import validate

given = settings()
torch.set_num_threads(given["threads"])
values, test = parted(np.load(given["data"]), given)
test = torch.from_numpy(test)[:, None] / 255
splits = {
    "train": torch.arange(len(values)),
    "validation": torch.arange(0),
    "test": torch.arange(0),
}
source = dataclasses.replace(from_memory(values), splits=splits)
recipe = {"conv": "keras_mnist", "dense": "dense_vae"}[given["network"]]
job = prepare(source, recipe, epochs=10_000, batch=given["batch"], precision=given["precision"])
run = job.run(Placement(torch.device(given["device"])))
session = run.state
steps = train(session, run.batches.from_step())
trained = Trained(copy.deepcopy(session.averaged).cpu(), job.config(), source)


def training(rows):
    for _ in range(rows // given["batch"]):
        step = next(steps)
    float(step.loss.total)


def test_loss(rows):
    found = validate(session.averaged, session.objective, pieces(test[:rows]), 0, 0)
    session.model.train()
    return found.get("loss")


serve({
    "training": training,
    "encoding": lambda rows: trained.encode(values[:rows]),
    "sampling": lambda rows: trained.sample(rows, mean=True),
    "test loss": test_loss,
})  # fmt: skip
