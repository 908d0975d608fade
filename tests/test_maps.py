"""Codes that are maps of an image, and diffusers' AutoencoderKL."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

import vaekit
from vaekit.networks.maps import Attention, Down, FromCode, ToCode, Up, code_shape, groups_of
from vaekit.recipes.maps import autoencoder_kl

IMAGE = (3, 16, 8)


@pytest.fixture(scope="module")
def small():
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 8, 3), dtype=np.uint8)
    how = {"recipe": "autoencoder_kl", "width": 4, "latent": 2, "quiet": True}
    return vaekit.fit(images, epochs=1, **how), images


def test_shapes_of_codes_and_images():
    channels = (4, 8, 8)
    assert code_shape(IMAGE, 2, len(channels)) == (2, 4, 2)
    assert ToCode(IMAGE, 2, channels, 1)(torch.zeros(5, *IMAGE)).shape == (5, 2 * 2 * 4 * 2)
    assert FromCode((2, 4, 2), (6, 16, 8), channels, 1)(torch.zeros(5, 16)).shape == (5, 6, 16, 8)


def test_a_code_is_a_map():
    """A pixel changes the code where it lies: shifting an image by four shifts the code by one."""
    encode = ToCode((1, 64, 64), 1, (4, 4, 4), 1).encoder
    norms = [module for module in encode.modules() if isinstance(module, torch.nn.GroupNorm)]
    for part in (encode.mid_block, *norms):  # which see all places at once
        part.forward = lambda x: x
    image = torch.zeros(1, 1, 64, 64)
    image[..., 28:32, 28:32] = torch.randn(4, 4)
    with torch.no_grad():
        here, there = encode(image), encode(image.roll(4, 3))
    assert torch.allclose(here[..., 6:9, 6:9], there[..., 6:9, 7:10], atol=1e-5)


def test_attention_is_softmax_of_products():
    layer, x = Attention(4, 2), torch.randn(2, 4, 3, 2)
    places = F.group_norm(x, 2, eps=1e-6).flatten(2).mT
    q, k, v = layer.to_q(places), layer.to_k(places), layer.to_v(places)
    weights = (q @ k.mT / 2).softmax(-1)
    right = x + layer.to_out[0](weights @ v).mT.reshape(x.shape)
    assert torch.allclose(layer(x), right, atol=1e-6)


def test_sizes_halve_and_double():
    x = torch.randn(1, 2, 6, 4)
    assert Down(2)(x).shape == (1, 2, 3, 2)
    assert Up(2)(x).shape == (1, 2, 12, 8)


def test_sides_that_cannot_be_halved_get_a_margin():
    encode, decode = (
        ToCode((1, 7, 5), 2, (4, 8, 8), 1),
        FromCode((2, 2, 2), (1, 7, 5), (4, 8, 8), 1),
    )
    assert code_shape((1, 7, 5), 2, 3) == decode.code
    x = torch.randn(2, 1, 7, 5)
    wide = torch.cat([x, x[:, :, -1:]], 2)
    wide = torch.cat([wide, *[wide[..., -1:]] * 3], 3)
    right = encode.quant_conv(encode.encoder(wide)).flatten(1)
    assert torch.equal(encode(x), right)
    assert decode(torch.randn(2, 8)).shape == x.shape
    with pytest.raises(vaekit.BadInput, match="maps of an image"):
        autoencoder_kl((8,))


@pytest.mark.parametrize("width", [*range(1, 17), 33, 100])
def test_any_width_has_groups_that_go_into_it(width):
    channels = (width, 2 * width, 2 * width)
    groups = groups_of(channels)
    assert all(each % groups == 0 for each in channels)
    assert groups == 1 or width // groups >= 4
    model, _ = autoencoder_kl((1, 4, 4), width=width, depth=1)
    assert model.likelihood(torch.zeros(2, 16)).batch_shape == (2,)


def test_what_diffusers_loads(small, tmp_path):
    model = small[0]
    assert model.export(tmp_path / "kl", to="diffusers") == ["the scales of p(x|z)"]
    config = json.loads((tmp_path / "kl" / "config.json").read_text())
    assert config["block_out_channels"] == [4, 8, 8]
    assert config["norm_num_groups"] == 1
    weights = load_file(tmp_path / "kl" / "diffusion_pytorch_model.safetensors")
    assert weights["decoder.conv_out.weight"].shape == (3, 4, 3, 3)
    assert weights["encoder.mid_block.attentions.0.to_out.0.weight"].shape == (8, 8)


def test_diffusers_computes_the_same(small, tmp_path):
    diffusers = pytest.importorskip("diffusers", reason="no diffusers")
    model, images = small
    model.export(tmp_path / "kl", to="diffusers")
    found = diffusers.AutoencoderKL.from_pretrained(tmp_path / "kl").eval()
    x = torch.from_numpy(images[:4]).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        code = found.encode(x).latent_dist.mean
        shown = found.decode(code).sample
    assert code.flatten(1).numpy() == pytest.approx(model.encode(images[:4]), abs=1e-5)
    with torch.no_grad():
        loc = model.model.likelihood(code.flatten(1)).base_dist.loc
    assert torch.allclose((shown + 1) * 127.5, loc, atol=1e-3)


def test_other_models_are_refused(trained, tmp_path):
    with pytest.raises(vaekit.BadInput, match="train with --recipe autoencoder_kl"):
        trained[1].export(tmp_path / "x", to="diffusers")
    assert not (tmp_path / "x").exists()
