"""pythae's get_nll, timed in pythae's own environment; nll.py calls this and talks over pipes.

Reads lines of JSON from standard input, answers each with one line.
"""

import json
import sys
import time

import torch
from pythae.models import VAE, VAEConfig


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    torch.set_num_threads(settings["threads"])
    config = VAEConfig(
        input_dim=(1, 28, 28), latent_dim=settings["latent"], reconstruction_loss="bce"
    )
    model = VAE(config).eval()
    weights = torch.load(settings["weights"], weights_only=True)
    model.load_state_dict(weights)
    x = torch.load(settings["rows"], weights_only=True)
    for line in sys.stdin:
        count = json.loads(line)["rows"]
        began = time.perf_counter()
        with torch.no_grad():
            value = model.get_nll(x[:count], settings["samples"], settings["batch"])
        print(
            json.dumps({"seconds": time.perf_counter() - began, "value": float(value)}), flush=True
        )


if __name__ == "__main__":
    main()
