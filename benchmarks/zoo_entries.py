"""What `benchmarks/zoo.py` trains: the variants, what each is for, and pythae's beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zoo_put import in_ball, on_sphere, softplus_spread
from zoo_put_flows import unheld

KNOWN = {
    "gap": "log p(x) - ELBO",
    "log_likelihood": "log p(x)",
    "elbo": "ELBO",
    "frechet": "Frechet distance",
    "mean_squared_error": "squared error",
    "total_correlation": "total correlation, nats",
    "discrepancy": "discrepancy (MMD) of all codes from the prior, thousandths",
    "kl": "KL, nats",
    "active_units": "units in use",
    "covariance": "covariance of codes, mean off the diagonal",
    "codebook_perplexity": "perplexity of entries",
    "accuracy": "rows whose cluster is that of their label",
}


@dataclass(frozen=True)
class Entry:
    """A variant.

    Args:
        recipe: by name.
        figure: what it is for, a key of ``KNOWN``.
        better: "less", "more", or the number that it should be.
        how: options of it.
        beside: the entry that it is compared with.
        prior: fitted to the codes after training.
    """

    recipe: str
    figure: str = "elbo"
    better: str | float = "more"
    how: dict[str, Any] = field(default_factory=dict)
    beside: str = "vae"
    prior: str | None = None


Figures = dict[str, float]
LOSSES: dict[str, tuple[str, Callable[[Figures], float]]] = {  # what is minimised, by figures of test rows
    "beta_vae": ("-ELBO + 3 KL", lambda f: 3 * f["kl"] - f["elbo"]),
    "beta_tcvae": (
        "-ELBO + 5 total correlation", lambda f: 5 * f["total_correlation"] - f["elbo"]
    ),
    "info_vae": (
        "-ELBO - 0.5 KL + 99.5 MMD", lambda f: 0.0995 * f["discrepancy"] - 0.5 * f["kl"] - f["elbo"]
    ),
    "capacity_vae": (
        "-ELBO - KL + 10 (distance of the KL from 15)",
        lambda f: 10 * abs(f["kl"] - 15) - f["kl"] - f["elbo"],
    ),
}  # fmt: skip

FEW = {"groups": 4, "samples": 4}
GREY = {"likelihood": "gaussian", "binarize": "none"}
ENTRIES: dict[str, Entry] = {
    "vae": Entry("vae"),
    "vae, mixture prior": Entry("vae", "log_likelihood", how={"prior": "mixture"}),
    "vae, VampPrior": Entry("vae", "log_likelihood", how={"prior": "vamp"}),
    "vae, flow prior": Entry("vae", "log_likelihood", how={"prior": "flow"}),
    "full_covariance_vae": Entry("full_covariance_vae", "gap", "less"),
    "iaf_vae": Entry("iaf_vae", "gap", "less"),
    "vae, Householder": Entry("vae", "gap", "less", {"posterior": "householder"}),
    "vae, planar": Entry("vae", "gap", "less", {"posterior": "planar"}),
    "vae, radial": Entry("vae", "gap", "less", {"posterior": "radial"}),
    "vae, Sylvester": Entry("vae", "gap", "less", {"posterior": "sylvester"}),
    "misvae": Entry("misvae", "gap", "less"),
    "sphere_vae, 8": Entry("sphere_vae", "frechet", "less", {"latent": 8}, "vae, 8"),
    "vae, 8": Entry("vae", how={"latent": 8}, beside="vae, 8"),
    "poincare_vae, 2": Entry("poincare_vae", "log_likelihood", "more", {"latent": 2}, "vae, 2"),
    "vae, 2": Entry("vae", how={"latent": 2}, beside="vae, 2"),
    "hvae": Entry("hvae", "gap", "less"),
    "sa_vae": Entry("sa_vae", "log_likelihood"),
    "rhvae": Entry("rhvae", "gap", "less"),
    "path_vae": Entry("path_vae", "gap", "less"),
    "iwae": Entry("iwae", "log_likelihood"),
    "dreg": Entry("dreg", "log_likelihood"),
    "miwae": Entry("miwae", "log_likelihood", how=FEW),
    "piwae": Entry("piwae", "log_likelihood", how=FEW),
    "ciwae": Entry("ciwae", "log_likelihood", how={"samples": 16}),
    "renyi": Entry("renyi", "log_likelihood"),
    "tvo": Entry("tvo", "log_likelihood"),
    "pixel_vae": Entry("pixel_vae", "log_likelihood"),
    "ladder_vae": Entry("ladder_vae", "log_likelihood"),
    "conditional_vae": Entry("conditional_vae", "log_likelihood", how={"given": ["label"]}),
    "beta_vae": Entry("beta_vae", "total_correlation", "less"),
    "beta_tcvae": Entry("beta_tcvae", "total_correlation", "less"),
    "beta_tcvae, beta 10": Entry("beta_tcvae", "total_correlation", "less", {"beta": 10.0}),
    "factor_vae": Entry("factor_vae", "total_correlation", "less"),
    "dip_vae": Entry("dip_vae", "covariance", "less"),
    "capacity_vae": Entry("capacity_vae", "kl", 15.0, {"capacity": 15.0}),
    "rate_floor_vae": Entry("rate_floor_vae", "kl", 40.0, {"floor": 40.0}),
    "free_bits_vae": Entry("free_bits_vae", "active_units", how={"latent": 64}, beside="vae, 64"),
    "vae, 64": Entry("vae", how={"latent": 64}, beside="vae, 64"),
    "cyclical_vae": Entry("cyclical_vae", "elbo"),
    "info_vae": Entry("info_vae", "discrepancy", "less"),
    "info_vae, strength 1,000": Entry("info_vae", "discrepancy", "less", {"strength": 1000.0}),
    "vae, grey": Entry("vae", how={**GREY, "scale": "1"}, beside="vae, grey"),
    "sigma_vae, grey": Entry("sigma_vae", "mean_squared_error", "less", GREY, "vae, grey"),
    "autoencoder": Entry("autoencoder", "mean_squared_error", "less"),
    "wae": Entry("wae", "frechet", "less", beside="autoencoder"),
    "wae_gan": Entry("wae_gan", "frechet", "less", beside="autoencoder"),
    "adversarial_autoencoder": Entry(
        "adversarial_autoencoder", "frechet", "less", beside="autoencoder"
    ),
    "vae_gan": Entry("vae_gan", "frechet", "less"),
    "ms_ssim_vae": Entry("ms_ssim_vae", "mean_squared_error", "less"),
    "autoencoder, mixture": Entry(
        "autoencoder", "frechet", "less", prior="mixture", beside="autoencoder"
    ),
    "rae_l2": Entry("rae_l2", "frechet", "less", beside="autoencoder, mixture", prior="mixture"),
    "rae_gp": Entry("rae_gp", "frechet", "less", beside="autoencoder, mixture", prior="mixture"),
    "vq_vae": Entry("vq_vae", "codebook_perplexity", beside=""),
    "vq_vae, learned prior": Entry(
        "vq_vae", "frechet", "less", {"code_prior": "autoregressive"}, "vq_vae"
    ),
    "vq_vae, two stages": Entry("vq_vae", "mean_squared_error", "less", {"stages": 2}, "vq_vae"),
    "vq_vae, scales": Entry("vq_vae", "mean_squared_error", "less", {"scales": "1,2,4"}, "vq_vae"),
    "vq_vae, rotation": Entry(
        "vq_vae", "mean_squared_error", "less", {"gradient": "rotation"}, "vq_vae"
    ),
    "vq_vae, running means": Entry(
        "vq_vae", "mean_squared_error", "less", {"codebook": "running"}, "vq_vae"
    ),
    "vq_vae, mapped": Entry(
        "vq_vae", "codebook_perplexity", "more", {"codebook": "mapped"}, "vq_vae"
    ),
    "lfq_vae": Entry("lfq_vae", "codebook_perplexity", beside=""),
    "categorical_vae": Entry("categorical_vae", "codebook_perplexity", beside=""),
    "fsq_vae": Entry("fsq_vae", "codebook_perplexity", beside=""),
    "vade": Entry("vade", "accuracy", beside=""),
}


@dataclass(frozen=True)
class Peer:
    """A variant of pythae's.

    Args:
        model: its class.
        recipe: of ours whose model its weights fit.
        options: of its configuration.
        prior: fitted to the codes after training.
        ours: options of our model, where they are not the variant's own.
        change: of our model, where its distributions are written otherwise.
    """

    model: str
    recipe: str = "vae"
    options: dict[str, Any] = field(default_factory=dict)
    prior: str | None = None
    ours: dict[str, Any] = field(default_factory=dict)
    change: Callable[[Any], None] = lambda model: None


GROUPS = {"number_gradient_estimates": 4, "number_samples": 4}
PEERS: dict[str, Peer] = {
    "vae": Peer("VAE"),
    "beta_vae": Peer("BetaVAE", options={"beta": 4.0}),
    "beta_tcvae": Peer("BetaTCVAE", options={"beta": 6.0}),
    "factor_vae": Peer("FactorVAE", options={"gamma": 10.0}),
    "capacity_vae": Peer(
        "DisentangledBetaVAE", options={"beta": 100.0, "C": 15.0, "warmup_epoch": 8}
    ),
    "info_vae": Peer("INFOVAE_MMD", options={"alpha": 0.5, "lbd": 100.0}),
    "iwae": Peer("IWAE", options={"number_samples": 5}),
    "miwae": Peer("MIWAE", options=GROUPS),
    "piwae": Peer("PIWAE", options=GROUPS),
    "ciwae": Peer("CIWAE", options={"number_samples": 16, "beta": 0.5}),
    "vae, VampPrior": Peer("VAMP", options={"number_components": 500}),
    "vae, radial": Peer("VAE_LinNF", options={"flows": ["Radial"] * 8}),
    "vae, planar": Peer("VAE_LinNF", options={"flows": ["Planar"] * 8}, change=unheld),
    "iaf_vae": Peer("VAE_IAF", options={"n_hidden_in_made": 1, "hidden_size": 64}),
    "sphere_vae, 8": Peer(
        "SVAE",
        "sphere_vae",
        {"latent_dim": 8},
        ours={"posterior": "von_mises_fisher"},
        change=on_sphere,
    ),
    "poincare_vae, 2": Peer("PoincareVAE", "poincare_vae", {"latent_dim": 2}, change=in_ball),
    "hvae": Peer(
        "HVAE", options={"n_lf": 3, "eps_lf": 0.05, "beta_zero": 1.0}, change=softplus_spread
    ),
    # Its own stride and reach: with those of the entry steps along its metric are so long that training ends with nan.
    "rhvae": Peer("RHVAE", options={"n_lf": 3, "beta_zero": 1.0}),
    "ms_ssim_vae": Peer("MSSSIM_VAE"),
    "vae_gan": Peer("VAEGAN", options={"reconstruction_layer": 1}),
    "vq_vae": Peer("VQVAE", "vq_vae", {"num_embeddings": 256}),
    "vq_vae, running means": Peer(
        "VQVAE", "vq_vae", {"num_embeddings": 256, "use_ema": True}, ours={"codebook": "free"}
    ),
    "autoencoder": Peer("AE", "autoencoder"),
    "wae": Peer("WAE_MMD", "autoencoder"),
    "adversarial_autoencoder": Peer("Adversarial_AE", "autoencoder"),
    "rae_l2": Peer("RAE_L2", "autoencoder", prior="mixture"),
    "rae_gp": Peer("RAE_GP", "autoencoder", prior="mixture"),
}
