"""scvi-tools' SCVI on the cells of `benchmarks/singlecell.py`, which starts this in an environment of its own:

    python benchmarks/singlecell_scvi.py IN.npz OUT.npz LIKELIHOOD LATENT SAMPLES SEED

IN has counts, train and test (numbers of rows). Everything is as scvi-tools has it by default (400 epochs of 128 cells
at 1e-3, 128 hidden units, one layer, a cell's total as it was observed), but for how many numbers a code has. OUT
has the codes of all cells, and of the test cells the mean log p(x | total) by importance sampling and the mean ELBO, both in
nats, written here from its model's own parts: its own `get_marginal_ll` gives no error over cells.
"""

from __future__ import annotations

import sys
import time
import warnings

import anndata
import numpy as np
import scvi
import torch

warnings.filterwarnings("ignore")


def main(came: str, goes: str, likelihood: str, latent: int, samples: int, seed: int) -> None:
    """Train, encode and score."""
    torch.set_num_threads(1)
    scvi.settings.seed = seed
    given = np.load(came)
    counts = given["counts"].astype(np.float32)
    shown, hidden = (anndata.AnnData(counts[given[name]]) for name in ("train", "test"))
    scvi.model.SCVI.setup_anndata(shown)
    model = scvi.model.SCVI(shown, n_latent=latent, gene_likelihood=likelihood)
    began = time.process_time()
    model.train(accelerator="cpu", enable_progress_bar=False, train_size=1.0, logger=False)
    seconds = time.process_time() - began
    bound, each = scored(model.module.eval(), torch.from_numpy(hidden.X), samples, seed)
    codes = model.get_latent_representation(anndata.AnnData(counts))
    np.savez(goes, codes=codes, seconds=seconds, elbo=bound.numpy(), log_likelihood=each.numpy())


@torch.inference_mode()
def scored(module, x: torch.Tensor, samples: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ELBO and the importance-sampled log p(x | total) of each cell, in nats."""
    torch.manual_seed(seed)
    ratios = []
    batch = torch.zeros(len(x), 1)
    for _ in range(samples):
        inferred = module.inference(x, batch)
        made = module.generative(inferred["z"], inferred["library"], batch)
        log_px = made["px"].log_prob(x).sum(-1)
        log_pz = made["pz"].log_prob(inferred["z"]).sum(-1)
        ratios.append(log_px + log_pz - inferred["qz"].log_prob(inferred["z"]).sum(-1))
    stacked = torch.stack(ratios).double()
    return stacked.mean(0), stacked.logsumexp(0) - np.log(samples)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], *(int(word) for word in sys.argv[4:7]))
