"""The IWAE paper's network: it starts at the data's mean, whatever the likelihood."""

import pytest
import torch

import vaekit
from vaekit.data_init import data_init
from vaekit.networks import MeanLogits


def before_training(data, recipe, **more):
    """Mean log p(x) after one update at no learning rate to speak of."""
    model = vaekit.fit(data, recipe, epochs=1, batch=2000, lr=1e-12, seed=0, **more)
    return model.evaluate(samples=20).log_likelihood


@pytest.mark.parametrize("likelihood", ["poisson", "gaussian", "beta_binomial"])
def test_it_starts_no_worse_than_a_vae_whatever_the_likelihood(likelihood):
    own = before_training("digits", "burda", likelihood=likelihood)
    assert own > 1.2 * before_training("digits", "vae", likelihood=likelihood)


@pytest.mark.parametrize("from_mean", [True, False])
def test_logits_start_at_those_of_the_mean_within_a_thousandth_of_the_ends(from_mean):
    layer = MeanLogits((3,), from_mean=from_mean)
    data_init(layer, torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
    expected = [0.001, 0.5, 0.999] if from_mean else [0.5] * 3
    assert torch.sigmoid(layer(torch.zeros(1, 3)))[0].tolist() == pytest.approx(expected)
