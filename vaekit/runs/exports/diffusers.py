"""A model whose codes are maps as diffusers' AutoencoderKL: for diffusion models in its latent
space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from safetensors.torch import save_file
from torch import Tensor, nn

from vaekit.networks.maps import FromCode, ToCode
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.files import filling

M = TypeVar("M", bound=nn.Module)
WEIGHTS, LIKELIHOOD = "diffusion_pytorch_model.safetensors", "discretized_logistic"


def write_diffusers(trained: Trained, folder: Path) -> list[str]:
    """Write config.json and weights for ``diffusers.AutoencoderKL.from_pretrained(folder)``. It
    takes images from -1 (level 0) to 1 (the highest level), and its codes are those of the model;
    what it decodes is the location of p(x|z), whose scales it does not have.

    Args:
        trained: the model.
        folder: to write into.

    Returns:
        What could not be written, in words.

    Raises:
        BadInput: for another network, or another likelihood.
    """
    encode, decode = _found(trained, ToCode), _found(trained, FromCode)
    weights = {**encode.state_dict(), **decode.state_dict()}
    channels = trained.representation.shape[0]
    for name in ("decoder.conv_out.weight", "decoder.conv_out.bias"):
        weights[name] = weights[name][:channels]
    config = {**_config(encode, channels), "sample_size": trained.representation.shape[1]}
    with filling(folder) as temporary:
        text = json.dumps(config, indent=2, sort_keys=True) + "\n"
        (temporary / "config.json").write_text(text, encoding="utf-8")
        save_file({n: _laid_out(w) for n, w in weights.items()}, temporary / WEIGHTS)
    own = f"what fills sides that {2 ** (len(encode.channels) - 1)} does not divide"
    return ["the scales of p(x|z)", *([own] if any(encode.margin) else [])]


def _found(trained: Trained, kind: type[M]) -> M:
    """The part of a model that is of a kind.

    Raises:
        BadInput: without one.
    """
    found = [part for part in trained.model.modules() if isinstance(part, kind)]
    require(
        len(found) == 1 and trained.config.likelihood.name == LIKELIHOOD,
        "diffusers has no such model: train with --recipe autoencoder_kl, whose likelihood is "
        f"{LIKELIHOOD}",
    )
    return found[0]


def _laid_out(weight: Tensor) -> Tensor:
    return weight.detach().cpu().float().contiguous()


def _config(encode: ToCode, channels: int) -> dict[str, object]:
    """What diffusers builds the network from."""
    widths = encode.channels
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": widths,
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "in_channels": channels,
        "out_channels": channels,
        "latent_channels": encode.latent,
        "layers_per_block": encode.blocks,
        "norm_num_groups": encode.groups,
        "scaling_factor": 1.0,
        "force_upcast": False,
    }
