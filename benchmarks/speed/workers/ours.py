"""vaekit. Counts are rows, a multiple of the batch size."""

import numpy as np
import torch
from serving import serve, settings

from vaekit.data.arrays import from_memory
from vaekit.fitting import prepare
from vaekit.trained import Trained
from vaekit.training import train

given = settings()
torch.set_num_threads(given["threads"])
values = np.load(given["data"])
source = from_memory(values)
recipe = {"conv": "keras_mnist", "dense": "dense_vae"}[given["network"]]
job = prepare(source, recipe, epochs=10_000, batch=given["batch"], precision=given["precision"])
run = job.run()
steps = train(run.session, run.batches.from_step())
trained = Trained(run.session.averaged, job.config({}), source)


def training(rows):
    for _ in range(rows // given["batch"]):
        float(next(steps).loss.total)


serve({
    "training": training,
    "encoding": lambda rows: trained.encode(values[:rows]),
    "sampling": lambda rows: trained.sample(rows, mean=True),
})  # fmt: skip
