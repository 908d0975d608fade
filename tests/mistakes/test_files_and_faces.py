"""Mistakes found elsewhere in files, sizes and interfaces, and why they cannot happen here."""

import pickle

import numpy as np
import pytest
import torch

import vaekit
from vaekit.networks import conv_decoder, conv_encoder
from vaekit.system.checks import BadInput


def test_models_are_never_unpickled(tmp_path):
    """Elsewhere: torch.load without weights_only and cloudpickled networks run any code."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    m = vaekit.fit("digits", latent=2, width=8, epochs=1, out=tmp_path / "r")
    assert m is not None
    for name in ("model.safetensors", "checkpoint.safetensors"):
        (tmp_path / "r" / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BadInput, match="no safetensors file"):
        vaekit.load(tmp_path / "r")
    with pytest.raises(BadInput):
        vaekit.resume(tmp_path / "r")
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BadInput, match="can run any code"):
        vaekit.load(tmp_path / "model.pt")
    assert not (tmp_path / "exploded").exists()


def test_a_failed_load_is_an_error():
    """Elsewhere: a failed load builds an exception without raising it, and returns None."""
    with pytest.raises(BadInput, match="there is no model"):
        vaekit.load("nowhere")


def test_a_saved_model_is_whole(tmp_path):
    """Elsewhere: the encoder is thrown away after fitting, or the fitted prior is not saved."""
    m = vaekit.fit("digits", latent=2, width=8, epochs=1, out=tmp_path / "r")
    again = vaekit.load(tmp_path / "r")
    x = m.source.values[:20]
    assert np.array_equal(again.encode(x), m.encode(x))
    assert np.array_equal(again.sample(5), m.sample(5))
    assert again.evaluate(x, samples=10).elbo == pytest.approx(m.evaluate(x, samples=10).elbo)


def test_loading_does_not_train(tmp_path):
    """Elsewhere: a command that loads a model fits it again from scratch."""
    vaekit.fit("digits", latent=2, width=8, epochs=1, out=tmp_path / "r")
    before = (tmp_path / "r" / "model.safetensors").read_bytes()
    vaekit.load(tmp_path / "r").sample(3)
    assert (tmp_path / "r" / "model.safetensors").read_bytes() == before


def test_checkpoints_hold_matching_weights_and_memory(tmp_path):
    """Elsewhere: a checkpoint pairs the best weights with the current optimiser, and no code
    loads it."""
    whole = vaekit.fit("digits", latent=2, width=8, epochs=4, out=tmp_path / "a")
    vaekit.fit("digits", latent=2, width=8, epochs=4, out=tmp_path / "b", checkpoint_every=7)
    again = vaekit.resume(tmp_path / "b")
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("size", [(1, 28, 28), (3, 64, 64), (3, 32, 32), (1, 128, 96), (2, 17, 23)])
def test_images_of_any_size_and_channels(size):
    """Elsewhere: only 64 x 64 x 3 works; other sizes raise, and one channel in gives three out,
    which then broadcast in the loss."""
    x = torch.rand(2, *size)
    z = conv_encoder(size, (4,))(x)
    assert conv_decoder(4, size)(z).shape == x.shape


def test_missing_values_are_refused_by_name():
    """Elsewhere: a table with NaN is taken without a word and trains to NaN."""
    x = np.random.default_rng(0).random((30, 3))
    x[3, 1] = np.nan
    with pytest.raises(BadInput, match="row 3"):
        vaekit.fit(x)


def test_values_out_of_range_are_refused_by_name():
    """Elsewhere: pixels of 0..255 under a Bernoulli give NaN, and the user has to find out why."""
    x = np.random.default_rng(0).normal(size=(30, 3)) * 255
    for rows, what in ((np.abs(x), "divide by"), (x, "likelihood='gaussian'")):
        with pytest.raises(BadInput, match=rf"bernoulli needs values in \[0, 1\].*{what}"):
            vaekit.fit(rows, likelihood="bernoulli")


def test_fit_returns_the_estimator():
    """Elsewhere: fit returns None, so a pipeline breaks."""
    vae = vaekit.VAETransformer(2, epochs=1, options={"width": 8})
    assert vae.fit(np.random.default_rng(0).random((30, 4))) is vae


def test_options_that_do_nothing_are_refused():
    """Elsewhere: a beta that the loss never uses is accepted."""
    with pytest.raises(BadInput, match="unknown option 'beta'"):
        vaekit.fit("digits", "vae", beta=4.0)
    plain, strong = (
        vaekit.fit("digits", "beta_vae", beta=b, latent=2, width=8, epochs=2) for b in (1.0, 50.0)
    )
    assert strong.evaluate(samples=5).kl < plain.evaluate(samples=5).kl


def test_progress_is_silent_where_no_one_looks(capsys):
    """Elsewhere: bars and "please wait" fill log files."""
    vaekit.fit("digits", latent=2, width=8, epochs=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("likelihood beta_binomial: ")
    assert captured.err.count("\n") == 1
    vaekit.fit("digits", latent=2, width=8, epochs=1, quiet=True)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
