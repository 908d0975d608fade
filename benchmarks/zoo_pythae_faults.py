"""What pythae's objectives compute where that is not what their papers say, in numbers; run in pythae's environment.

    PYTHON_OF_PYTHAE benchmarks/zoo_pythae_faults.py

Small networks and random rows: each check compares what pythae gives with the formula on the same draws. Results go to
benchmarks/results/zoo_pythae_faults.json; `benchmarks/zoo.py --page` writes them into docs/zoo.md.
"""

import importlib.metadata
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pythae.models as models
import torch
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.models.normalizing_flows import PlanarFlow, PlanarFlowConfig
from pythae.trainers import CoupledOptimizerAdversarialTrainer
from torch import nn
from torch.optim import SGD

RESULTS = Path(__file__).resolve().parent / "results" / "zoo_pythae_faults.json"
ROWS, NUMBERS, LATENT = 32, 20, 4
MANY = 20_000  # draws
NAMED = {"INFOVAE_MMD", "RAE_L2", "VAE_LinNF"}  # whose configurations are named with a _ more


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.latent_dim = LATENT
        self.net = nn.Linear(NUMBERS, 2 * LATENT)

    def forward(self, x):
        mean, log_variance = self.net(x).chunk(2, 1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(LATENT, NUMBERS)

    def forward(self, z):
        return ModelOutput(reconstruction=self.net(z).sigmoid())


def made(name, size=3, **options):
    """One of pythae's models, with weights so many times as large as new ones: large enough that codes matter."""
    torch.manual_seed(0)
    config = getattr(models, f"{name}_Config" if name in NAMED else f"{name}Config")
    if "reconstruction_loss" in config.__dataclass_fields__:
        options["reconstruction_loss"] = "bce"
    model = getattr(models, name)(
        config(input_dim=(NUMBERS,), latent_dim=LATENT, **options), Encoder(), Decoder()
    )
    for weight in model.parameters():
        weight.data.mul_(size)
    return model


def rows(count=ROWS):
    """Random bits."""
    torch.manual_seed(1)
    return (torch.rand(count, NUMBERS) < 0.3).float()


def log_weights(model, x, draws):
    """log p(x, z) - log q(z|x) of so many draws, (rows, draws), up to the constant that pythae leaves out, with what pythae
    takes for its own loss of the same."""
    code = model.encoder(x)
    mean, log_variance = (v[:, None].expand(-1, draws, -1) for v in code.values())
    torch.manual_seed(2)
    z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
    made = model.decoder(z.reshape(-1, LATENT)).reconstruction.reshape(len(x), draws, -1)
    bits = nn.functional.binary_cross_entropy(made, x[:, None].expand_as(made), reduction="none")
    log_q = -0.5 * (log_variance + (z - mean) ** 2 / log_variance.exp()).sum(-1)
    log_w = -bits.sum(-1) - 0.5 * z.square().sum(-1) - log_q
    return log_w, made, mean, log_variance, z


def bound(log_w):
    """-log mean w, averaged over rows, in nats."""
    return -(log_w.logsumexp(1) - math.log(log_w.shape[1])).mean().item()


def iwae():
    model, x = made("IWAE", number_samples=50), rows()
    log_w, *how = log_weights(model, x, 50)
    return model.loss_function(how[0], x, *how[1:])[0].item(), bound(log_w)


def miwae():
    model = made("MIWAE", number_gradient_estimates=1, number_samples=64)
    x = rows()
    log_w, *how = log_weights(model, x, 64)
    told, *rest = (each[:, None] for each in how)
    found = model.loss_function(told, x, *rest)[0].item()
    return found, bound(log_w), -log_w.mean().item()


def own_weights():
    """Of z_i: the weight of its own row, and of the first, in minibatch-stratified sampling; all weights of a row."""
    w = made("BetaTCVAE")._log_importance_weight_matrix(8, 1000).exp()
    return w[2:-1].diagonal(2).mean().item(), w[2:-1, 0].mean().item(), w.sum(1).max().item()


def gradient(model, loss, part="encoder"):
    model.zero_grad()
    loss.backward(retain_graph=True)
    return left_in(getattr(model, part))


def left_in(net):
    return torch.cat([p.grad.flatten().clone() for p in net.parameters()])


def critics():
    """How far the critic's own loss moves the encoder's gradient, as a share of it (its trainer adds both up)."""
    model, x = made("FactorVAE", gamma=10.0), rows()
    out = model({"data": x})
    mine, theirs = gradient(model, out.autoencoder_loss), gradient(model, out.discriminator_loss)
    return (theirs.norm() / mine.norm()).item()


def doubled():
    """The encoder's gradient as the coupled trainer leaves it, over that of the loss."""
    model, x = made("RAE_L2"), rows()
    out = model({"data": x})
    once = gradient(model, out.encoder_loss)
    out.decoder_loss.backward()
    return (left_in(model.encoder).norm() / once.norm()).item()


def adversary():
    """The share of the discriminator's loss in the decoder's gradient, as the trainer leaves it and as the decoder's loss has it."""
    model, x = made("VAEGAN", reconstruction_layer=1, margin=10.0), rows()
    parts = ("encoder", "decoder", "discriminator")
    still = {f"{n}_optimizer": SGD(getattr(model, n).parameters(), 0.0) for n in parts}
    out = model({"data": x})
    critic = gradient(model, out.discriminator_loss, "decoder")
    meant = gradient(model, out.decoder_loss, "decoder")
    rebuilding = meant + model.adversarial_loss_scale * critic
    CoupledOptimizerAdversarialTrainer._optimizers_step(SimpleNamespace(**still), out)
    return [
        ((g - rebuilding) @ critic / critic.square().sum()).item()
        for g in (left_in(model.decoder), meant)
    ]


def capacity():
    """beta |KL - C| as pythae has it and of the mean KL, at C = that mean."""
    x, model = rows(), made("DisentangledBetaVAE", beta=1.0, C=0.0, warmup_epoch=0)
    kl = model({"data": x}, epoch=1).reg_loss.item()
    model.C = kl
    out = model({"data": x}, epoch=1)
    return (out.loss - out.recon_loss).item(), 0.0


def one_row():
    """The loss of a batch of one row."""
    return str(made("INFOVAE_MMD")({"data": rows(1)}).loss.item())


def folds():
    """Mean log p(x) as `get_nll` has it with one planar step of w · u = -2 and of 0.5, each beside that of draws from the prior,
    where normals before the step are the prior; the share of new steps of 16 numbers whose w · u is below -1, so that they
    cannot be undone."""
    found = []
    for slope in (-2.0, 0.5):
        model, x = made("VAE_LinNF", flows=["Planar"]), rows()
        for weight in model.encoder.parameters():
            weight.data.zero_()
        (step,) = model.net
        step.w.data, step.b.data = torch.eye(1, LATENT), torch.zeros(1)
        step.u.data = slope * step.w
        torch.manual_seed(2)
        found += [model.get_nll(x, MANY, MANY), from_prior(model, x)]
    new = (PlanarFlow(PlanarFlowConfig(input_dim=(16,))) for _ in range(2000))
    return [float(v) for v in found] + [sum((s.w @ s.u.T).item() < -1 for s in new) / 2000]


def from_prior(model, x):
    """Mean log p(x), by draws from N(0, I)."""
    shown = model.decoder(torch.randn(10 * MANY, LATENT)).reconstruction.clamp(1e-7, 1 - 1e-7)
    log_px = x @ shown.log().T + (1 - x) @ (1 - shown).log().T
    return (log_px.logsumexp(1) - math.log(10 * MANY)).mean()


def unmoved():
    """Of draws that no leap moves: what pythae's loss has beside the plain one, the share of that in the encoder's gradient, and
    the mean of rho G^-1 rho of momenta, over how many numbers they have."""
    model, x = made("RHVAE", size=1, n_lf=1, eps_lf=0.0, beta_zero=1.0), rows()
    torch.manual_seed(2)
    out = model({"data": x})
    normal = torch.distributions.Normal(out.mu, (0.5 * out.log_var).exp())
    plain = (normal.log_prob(out.z).sum(1) - model._log_p_xz(out.recon_x, x, out.z)).mean()
    more = out.loss - plain
    share = gradient(model, more).norm() / gradient(model, plain).norm()
    size = torch.einsum("ri,rij,rj->r", out.rho, out.G_inv, out.rho).mean() / LATENT
    return more.item(), share.item(), size.item()


def main():
    with torch.no_grad():
        found = {"iwae": iwae(), "miwae": miwae(), "own weights": own_weights()}
        found |= {"capacity": capacity(), "one row": one_row(), "folds": folds()}
    found |= {"critic": critics(), "doubled": doubled(), "adversary": adversary()}
    found["unmoved"] = unmoved()
    told = {"pythae": importlib.metadata.version("pythae"), "torch": torch.__version__, **found}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))


main()
