"""What a report says, in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from vaekit import recipes
from vaekit.data.readers.arrays import to_array
from vaekit.evaluation import bound_curve
from vaekit.evaluation.scores import Scores
from vaekit.models.drawing import from_posterior
from vaekit.models.trace import trace
from vaekit.pages import html as page
from vaekit.pages import panels, plots
from vaekit.pictures import enlarge
from vaekit.recipes.citations import cited
from vaekit.runs.inspect import count
from vaekit.runs.run import METRICS
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import replacing
from vaekit.system.seeding import generator_for, seeded
from vaekit.training import read_metrics

SCORES, REPORT = "scores.json", "report.html"
ROWS_FOR_LIKELIHOOD, SAMPLES = 1000, 200
ROWS_SHOWN = 5000
ROWS_FOR_CURVE, CURVE = 100, 512


def summarize(trained: Trained, folder: Path, seed: int = 0, annealed: int = 0) -> dict[str, Any]:
    """Evaluate on the test split and write scores.json; returns the scores."""
    values = _rows(trained, "test", None)[0][:ROWS_FOR_LIKELIHOOD]
    scores = trained.evaluate(values, samples=SAMPLES, seed=seed, annealed_rows=annealed)
    with replacing(folder / SCORES) as temporary:
        temporary.write_text(json.dumps(scores.to_dict(), indent=2) + "\n", encoding="utf-8")
    return scores.to_dict()


def write_report(
    trained: Trained,
    folder: Path,
    output: Path | None = None,
    *,
    data: Any = None,
    annealed: int = 0,
    seed: int = 0,
) -> Path:
    """Write report.html (and scores.json) for a model whose data is at hand.

    Args:
        data: other data than the model's own, all rows of which are then shown.
        annealed: rows to estimate by annealed importance sampling, for the figure of bounds.

    Returns:
        The path of the page.
    """
    folder = folder.parent if folder.is_file() else folder
    values, labels, names = _rows(trained, "test", data)
    if data is None:
        scores = Scores(**summarize(trained, folder, seed, annealed))
    else:
        scores = trained.evaluate(values, samples=SAMPLES, seed=seed, annealed_rows=annealed)
    view = View(trained, values, labels, names, scores, seed)
    path = output or folder / REPORT
    text = page.page(view.title, view.parts(read_metrics(folder / METRICS)))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


class View:
    """One model seen through one set of rows."""

    def __init__(
        self,
        trained: Trained,
        values: torch.Tensor,
        labels: np.ndarray | None,
        names: tuple[str, ...],
        scores: Scores,
        seed: int,
    ) -> None:
        self.trained, self.values, self.labels, self.names = trained, values, labels, names
        self.scores, self.seed = scores, seed
        self.codes = np.asarray(trained.encode(values))
        self.image = len(trained.representation.shape) == 3
        self.title = f"{trained.config['recipe']} on {Path(trained.config['data']['name']).name}"

    def parts(self, metrics: list[dict[str, Any]]) -> list[str]:
        """All sections; those that do not apply are empty."""
        return [
            self.top(),
            self.curves(metrics),
            self.latents(),
            self.reconstructions(),
            self.samples(),
            self.map(),
            self.manifold(),
            self.traversals(),
            self.walks(),
            self.aggregate(),
            self.bounds(),
            self.bits(),
            self.numbers(),
            self.origin(),
        ]

    def top(self) -> str:
        config, s = self.trained.config, self.scores
        rows = config["data"]["rows"]
        lead = (
            f"Trained on {rows['train']:,} rows, validated on {rows['validation']:,}; everything "
            f"below is on test rows, which were used for neither. Likelihood: "
            f"{config['likelihood']['name']} ({config['likelihood']['why']})."
        )
        values = [("squared error per number", _short(s.mean_squared_error))]
        if s.log_likelihood is not None and s.elbo is not None and s.bits_per_dimension is not None:
            values = [
                (f"{self.bound_name}, nats per row", f"{s.elbo:,.2f}"),
                (
                    f"{self.likelihood_name}, nats (+- {s.log_likelihood_error or 0:.2f})",
                    f"{s.log_likelihood:,.2f}",
                ),
                ("bits per number", f"{s.bits_per_dimension:.3f}"),
                *values,
            ]
        values += [
            ("latent units in use", f"{s.active_units} of {s.latent_units}"),
            ("parameters", f"{count(self.trained.model):,}"),
        ]
        warnings = [page.warning(text) for text in self.warnings()]
        return page.heading(self.title, lead) + page.tiles(values) + "".join(warnings)

    @property
    def proper(self) -> bool:
        """Whether the loss is a likelihood of the data (grey values under Bernoulli are not)."""
        return not self.trained.config["likelihood"]["warnings"]

    @property
    def bound_name(self) -> str:
        return "ELBO" if self.proper else "- cross-entropy - KL"

    @property
    def likelihood_name(self) -> str:
        return "log p(x)" if self.proper else "its bound by sampling"

    def warnings(self) -> list[str]:
        found = list(self.trained.config["likelihood"]["warnings"])
        if self.scores.active_units < max(self.scores.latent_units / 4, 1):
            found.append(self.scores.diagnosis)
        if not self.trained.has_density:
            found.append(
                "This is an autoencoder: its posterior is a point, so it has no ELBO and no "
                "log p(x), and codes drawn from a normal prior need not decode to anything."
            )
        return found

    def curves(self, metrics: list[dict[str, Any]]) -> str:
        if len(metrics) < 4:
            return ""
        caption = "Means over the rows of each epoch, in nats per row; the highest values are cut."
        return page.section("Training", page.plot(plots.loss_curves(metrics), caption))

    def latents(self) -> str:
        kl = self.scores.kl_per_dimension
        if kl is None:
            return ""
        active = self.codes.var(0) > 0.01
        caption = (
            "KL(q(z_i|x) || p(z_i)) averaged over test rows; units whose mean never moves are pale."
        )
        return page.section(
            "Latent units",
            page.plot(plots.kl_bars(kl, active), caption),
            text=self.scores.diagnosis,
        )

    def reconstructions(self) -> str:
        shown = self.values[:48]
        rebuilt = self.trained.reconstruct(shown)
        if self.image:
            image = panels.pairs_sheet(self.trained, shown, rebuilt)
            caption = (
                "Test images, each above its reconstruction (the mean of p(x|z) at its mean code)."
            )
            return page.section("Reconstructions", _picture(image, caption))
        columns = self.columns()[:8]
        pairs = zip(to_array(shown)[:8], rebuilt[:8], strict=True)
        body = [
            [_pair(a, b) for a, b in zip(row[:8], again[:8], strict=True)] for row, again in pairs
        ]
        return page.section(
            "Reconstructions", page.table(body, columns), text="Test rows: value > reconstruction."
        )

    def samples(self) -> str:
        rows = 64 if self.image else ROWS_SHOWN
        drawn = self.trained.sample(rows, seed=self.seed)
        if not self.image:
            svg = plots.column_histograms(to_array(self.values), drawn, self.columns())
            caption = "Test rows (grey) and as many new rows drawn from the model (outline)."
            return page.section("Samples", page.plot(svg, caption))
        means = self.trained.sample(rows, seed=self.seed, mean=True)
        pictures = [
            (
                means,
                "Means of p(x|z) for codes drawn from the prior: what the decoder has in mind.",
            ),
            (
                drawn,
                "Draws from p(x|z) for the same codes: what the model says data looks like, "
                "pixel noise included.",
            ),
        ]
        shown = [_picture(panels.sheet(self.trained, p, 8), text, 440) for p, text in pictures]
        return page.section("Samples from the prior", page.side_by_side(*shown))

    def map(self) -> str:
        points, axes = plots.plane(self.codes)
        svg = plots.latent_map(points, self.labels, self.names, axes)
        how = (
            "" if self.trained.latent <= 2 else " PCA of the codes; shares of variance on the axes."
        )
        return page.section("Latent map", page.plot(svg, f"The mean code of each test row.{how}"))

    def manifold(self) -> str:
        if not self.image or self.trained.latent < 2 or not self.trained.has_density:
            return ""
        a, b = self.busiest(2)
        rows = panels.manifold(self.trained, (a, b))
        rest = "" if self.trained.latent == 2 else ", the other dimensions at 0"
        caption = (
            f"Decoded codes over z{a} (across) and z{b} (up), at quantiles of the prior from 2 % "
            f"to 98 %{rest}."
        )
        image = panels.sheet(self.trained, rows, 20)
        return page.section("The decoded plane", _picture(image, caption, 760))

    def busiest(self, number: int) -> list[int]:
        """The latent dimensions used most, in order of their index."""
        use = self.scores.kl_per_dimension or self.codes.var(0)
        return sorted(int(i) for i in np.argsort(use)[::-1][:number])

    def traversals(self) -> str:
        if not self.image or not self.trained.has_density:
            return ""
        units = self.busiest(10)
        rows = panels.traversals(self.trained, self.codes[0], units)
        names = ", ".join(f"z{unit}" for unit in units)
        caption = (
            f"The code of the first test image with one unit changed at a time, from the prior's "
            f"1 % quantile (left) to its 99 % (right). From the top: {names}."
        )
        image = panels.sheet(self.trained, rows, len(rows) // len(units))
        return page.section("One unit at a time", _picture(image, caption, 760))

    def bounds(self) -> str:
        if not self.trained.has_density:
            return ""
        x = self.x()[: self.scores.annealed_rows or ROWS_FOR_CURVE]
        curve = bound_curve(self.trained.model, x, most=CURVE, seed=self.seed)
        bracket = {}
        if self.scores.annealed is not None:
            top = self.scores.annealed + max(self.scores.annealed_gap or 0.0, 0.0)
            bracket["annealed, and its gap above"] = (self.scores.annealed, top)
        caption = (
            f"The importance-weighted bound on the first {len(x)} test rows. At K = 1 it is the "
            f"ELBO; it rises towards log p(x). Where it still rises at the right end, importance "
            f"sampling with few samples understates log p(x)."
        )
        return page.section("Bounds", page.plot(plots.bound_curve(curve, bracket), caption))

    def bits(self) -> str:
        if self.scores.code_bits_per_dimension is None:
            return ""
        where, latent = panels.bits_by_place(self.trained, self.x()[:ROWS_FOR_CURVE])
        caption = (
            f"Bits that vaekit compress needs for each number of a row, mean over test rows; "
            f"together {where.sum():,.0f} bits, and {latent:,.0f} for the latents."
        )
        drawn = plots.bits_map(where.mean(0)) if self.image else plots.bits_bars(where)
        return page.section("Where the bits go", page.plot(drawn, caption))

    def x(self) -> torch.Tensor:
        """The rows as the model sees them."""
        noise = generator_for(self.seed, "binarize", "all")
        return self.trained.representation.encode(self.values, noise)

    def walks(self) -> str:
        if not self.image or len(self.values) < 2:
            return ""
        pairs = min(8, len(self.values) // 2)
        starts, ends = self.values[:pairs], self.values[pairs : 2 * pairs]
        walks = self.trained.interpolate(starts, ends, steps=12)
        edges = (to_array(part)[:, None] for part in (starts, ends))
        rows = np.concatenate([next(edges), walks, next(edges)], 1)
        image = panels.sheet(self.trained, rows.reshape(-1, *rows.shape[2:]), rows.shape[1])
        caption = (
            "Far left and far right: two test images. Between them: the straight line from the "
            "code of one to that of the other, decoded."
        )
        return page.section("Interpolations", _picture(image, caption))

    def aggregate(self) -> str:
        if not self.trained.has_density:
            return ""
        x = self.x()
        with torch.inference_mode(), seeded(self.seed, "aggregate"):
            parts = [trace(self.trained.model, p, rule=from_posterior) for p in x.split(500)]
            each = [torch.cat([z.value[0] for z in t.latents.values()], 1) for t in parts]
        draws = torch.cat(each).numpy()
        caption = (
            "One draw from q(z|x) for each test row (filled) and the prior's density (line). Where "
            "they differ, samples from the prior land where the decoder was not trained."
        )
        svg = plots.posterior_against_prior(draws, self.busiest(8))
        return page.section("Aggregate posterior and prior", page.plot(svg, caption))

    def numbers(self) -> str:
        rows = [
            (name.replace("_", " "), _short(value))
            for name, value in self.scores.to_dict().items()
            if value is not None and not isinstance(value, list | str)
        ]
        text = (
            "Nats per row unless named otherwise; reconstruction and KL add up to minus the ELBO."
        )
        return page.section("All numbers", page.table(rows), text=text)

    def origin(self) -> str:
        config = self.trained.config
        arguments = {**config["arguments"], **config["plan"]}
        rows = [("recipe", config["recipe"]), *((k, str(v)) for k, v in arguments.items())]
        rows += [
            ("data sha256", config["data"]["fingerprint"]),
            ("vaekit", str(config.get("vaekit", ""))),
        ]
        recipe = recipes.RECIPES.get(config["recipe"])
        papers = cited([recipe.__doc__ if recipe else "", recipes.RECIPES["vae"].__doc__])
        return page.section(
            "Where it comes from", page.table(rows, numeric=False), page.items(papers)
        )

    def columns(self) -> list[str]:
        """Names of the numbers of a row."""
        named = self.trained.config["data"].get("columns")
        return list(named or (f"x{i}" for i in range(self.trained.representation.shape[0])))


def _rows(
    trained: Trained, split: str, data: Any
) -> tuple[torch.Tensor, np.ndarray | None, tuple[str, ...]]:
    """Stored values, labels and label names of the rows to show."""
    from vaekit.data import open_source

    source = open_source(data) if data is not None else trained.source
    require(source is not None, "give the data to report on")
    if source is None:
        raise BadInput("give the data to report on")
    split = "all" if data is not None else split
    labels = source.labels_of(split)
    array = None if labels is None else labels[:ROWS_SHOWN].numpy()
    return source.rows(split)[:ROWS_SHOWN], array, source.label_names


def _picture(image: Image.Image, caption: str, side: int = 980) -> str:
    return page.picture(enlarge(image, side), caption)


def _short(value: float) -> str:
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:,.4g}"
        if abs(value) < 10
        else f"{value:,.2f}"
    )


def _pair(value: float, again: float) -> str:
    return f"{float(value):.3g} > {float(again):.3g}"
