"""The sections of a report, in order, and when each of them applies.

A section is a function from a :class:`~vaekit.pages.view.View` to a piece of a page. Another kind
of report is another tuple of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from PIL import Image

from vaekit import recipes
from vaekit.data.on_disk import in_memory
from vaekit.data.readers.arrays import to_array
from vaekit.evaluation import bound_curve
from vaekit.evaluation.latents import ACTIVE
from vaekit.evaluation.scores import annealed_part
from vaekit.models.drawing import from_posterior
from vaekit.models.trace import trace
from vaekit.pages import html as page
from vaekit.pages import panels, plots
from vaekit.pages.view import View
from vaekit.pictures import channels_text, enlarge
from vaekit.recipes.citations import cited
from vaekit.runs.inspect import count
from vaekit.system.seeding import seeded

ROWS_SHOWN = 5000
UNFITTED = ", and codes drawn from a normal prior need not decode to anything."
PALE = "; units whose mean never moves are pale"
ROWS_FOR_CURVE, CURVE, MOST_CLASSES = 100, 512, 100


def always(view: View) -> bool:
    """Every model has this."""
    return True


def has_density(view: View) -> bool:
    """It gives rows a density: it is no autoencoder."""
    return view.trained.has_density


def is_coded(view: View) -> bool:
    """It can compress its rows."""
    return view.scores.bits is not None and view.scores.bits.code_bits_per_dimension is not None


@dataclass(frozen=True)
class Section:
    """A piece of a report.

    Args:
        make: writes it.
        applies: says whether there is anything to write.
    """

    make: Callable[[View], str]
    applies: Callable[[View], bool] = always


def written(sections: tuple[Section, ...], view: View) -> list[str]:
    """Those sections that apply."""
    return [section.make(view) for section in sections if section.applies(view)]


def top(view: View) -> str:
    """The title, the numbers that matter, and warnings."""
    config, s = view.trained.config, view.scores
    rows, chosen = config.data.rows, config.likelihood
    lead = (
        f"Trained on {rows['train']:,} rows, validated on {rows['validation']:,}; everything "
        f"below is on test rows, which were used for neither. Likelihood: "
        f"{chosen.name} ({chosen.why})."
    )
    values = [("squared error per number", _short(s.mean_squared_error))]
    if s.density is not None and s.bits is not None:
        values = [
            (f"{view.bound_name}, nats per row", f"{s.density.elbo:,.2f}"),
            (
                f"{view.likelihood_name}, nats (+- {s.density.log_likelihood_error or 0:.2f})",
                f"{s.density.log_likelihood:,.2f}",
            ),
            ("bits per number", f"{s.bits.bits_per_dimension:.3f}"),
            *values,
        ]
    units = "not shown" if s.active_units is None else s.active_units
    values += [
        ("latent units in use", f"{units} of {s.latent_units}"),
        ("parameters", f"{count(view.trained.model):,}"),
    ]
    warned = [page.warning(text) for text in warnings(view)]
    return page.heading(view.title, lead) + page.tiles(values) + "".join(warned)


def warnings(view: View) -> list[str]:
    """What a reader must know before believing the numbers."""
    chosen = view.trained.config.likelihood
    found = [*chosen.warnings, *chosen.remarks, *view.scores.doubts]
    used = view.scores.active_units
    if used is None or used < max(view.scores.latent_units / 4, 1):
        found.append(view.scores.diagnosis)
    if not view.trained.has_density:
        found.append(
            "This is an autoencoder: its posterior is a point, so it has no ELBO and no log p(x)"
            + (UNFITTED if view.trained.config.prior is None else ".")
        )
    return found


def curves(view: View) -> str:
    """Losses against epochs."""
    caption = "Means over the rows of each epoch, in nats per row; the highest values are cut."
    return page.section("Training", page.plot(plots.loss_curves(view.metrics), caption))


def latents(view: View) -> str:
    """How much each latent unit carries."""
    kl = view.kl_per_dimension
    told = view.scores.active_units is not None
    active = (view.codes.var(0) > ACTIVE) | (not told)
    caption = "KL(q(z_i|x) || p(z_i)) averaged over test rows" + PALE * told + "."
    return page.section(
        "Latent units",
        page.plot(plots.kl_bars(kl, active), caption),
        text=view.scores.diagnosis,
    )


def reconstructions(view: View) -> str:
    """Rows beside what the model makes of them."""
    rebuilt, shown = view.trained.reconstruct(view.first(48)), view.values[:48]
    if view.image:
        image = panels.reconstruction_grid(view.trained, shown, rebuilt)
        caption = (
            "Test images, each above its reconstruction (the mean of p(x|z) at its mean code)."
            + channels_text(view.trained.representation.shape[0])
        )
        return page.section("Reconstructions", _picture(image, caption))
    columns = view.columns[:8]
    pairs = zip(to_array(shown)[:8], view.trained.usual(rebuilt)[:8], strict=True)
    body = [[_pair(a, b) for a, b in zip(row[:8], again[:8], strict=True)] for row, again in pairs]
    return page.section(
        "Reconstructions", page.table(body, columns), text="Test rows: value > reconstruction."
    )


def samples(view: View) -> str:
    """New rows."""
    rows = 64 if view.image else ROWS_SHOWN
    given = view.given(rows)
    drawn = view.trained.sample(rows, seed=view.seed, given=given)
    if not view.image:
        drawn = view.trained.usual(drawn)
        svg = plots.column_histograms(to_array(view.values), drawn, view.columns)
        caption = "Test rows (grey) and as many new rows drawn from the model (outline)."
        return page.section("Samples", page.plot(svg, caption))
    means = view.trained.sample(rows, seed=view.seed, mean=True, given=given)
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
    more = channels_text(view.trained.representation.shape[0])
    grids = [(panels.image_grid(view.trained, rows, 8), text + more) for rows, text in pictures]
    shown = [_picture(image, text, 440) for image, text in grids]
    return page.section("Samples from the prior", page.side_by_side(*shown))


def classes(view: View) -> str:
    """New rows of each class."""
    rest = {name: values[0] for name, values in view.given(1).items()}
    shown = []
    for condition in (c for c in view.trained.config.conditions if c.classes):
        rows = panels.one_row_per_class(view.trained, condition.name, rest, seed=view.seed)
        across = len(rows) // len(condition.classes)
        caption = (
            f"A row for each class of {condition.name}, from the top: {condition.possible}. The "
            "codes, drawn from the prior, are the same in every row."
        )
        shown.append(_picture(panels.image_grid(view.trained, rows, across), caption, 760))
    return page.section("Class by class", *shown)


def has_classes(view: View) -> bool:
    """Pictures of a model that is given one of a few classes."""
    sizes = [len(c.classes) for c in view.trained.config.conditions if c.classes]
    return view.image and 0 < sum(sizes) <= MOST_CLASSES


def map(view: View) -> str:
    """The codes of all rows in a plane."""
    points, axes = plots.plane(view.codes)
    svg = plots.latent_map(points, view.labels, view.rows.label_names, axes)
    how = "" if view.trained.latent <= 2 else " PCA of the codes; shares of variance on the axes."
    return page.section("Latent map", page.plot(svg, f"The mean code of each test row.{how}"))


def manifold(view: View) -> str:
    """Decoded codes over two latent units."""
    a, b = view.most_used(2)
    rows = panels.manifold(view.trained, (a, b), given=view.given(1))
    rest = "" if view.trained.latent == 2 else ", the other dimensions at its median"
    caption = (
        f"Decoded codes over z{a} (across) and z{b} (up), at quantiles of the prior from 2 % "
        f"to 98 %{rest}."
    )
    image = panels.image_grid(view.trained, rows, 20)
    return page.section("The decoded plane", _picture(image, caption, 760))


def traversals(view: View) -> str:
    """What each latent unit does."""
    units = view.most_used(10)
    rows = panels.traversals(view.trained, view.codes[0], units, given=view.given(1))
    names = ", ".join(f"z{unit}" for unit in units)
    caption = (
        f"The code of the first test image with one unit changed at a time, from the prior's "
        f"1 % quantile (left) to its 99 % (right). From the top: {names}."
    )
    image = panels.image_grid(view.trained, rows, len(rows) // len(units))
    return page.section("One unit at a time", _picture(image, caption, 760))


def bounds(view: View) -> str:
    """Importance-weighted bounds against their number of particles."""
    rows, bracket, found = view.x[:ROWS_FOR_CURVE], {}, view.scores.annealing
    if found is not None:
        rows = annealed_part(view.x[: view.scores.rows], found.rows, view.seed)
        top = found.value + max(found.gap, 0.0)
        bracket["annealed, and its gap above"] = (found.value, top)
    curve = bound_curve(view.trained.model, rows, most=CURVE, seed=view.seed)
    caption = (
        f"The importance-weighted bound on {len(rows)} rows, chosen at random. At K = 1 it is the "
        f"ELBO; it rises towards log p(x). Where it still rises at the right end, importance "
        f"sampling with few samples understates log p(x)."
    )
    return page.section("Bounds", page.plot(plots.bound_curve(curve, bracket), caption))


def bits(view: View) -> str:
    """Where the bits of a compressed row go."""
    rows = view.x[:ROWS_FOR_CURVE]
    where, latent = panels.bits_by_place(view.trained, rows, view.seed)
    caption = (
        f"Bits that vaekit compress needs for each number of a row, mean over {len(rows)} rows, "
        f"chosen at random, and codes drawn for them; together {where.sum():,.0f} bits, and "
        f"{latent:,.0f} for the latents: minus the ELBO of these rows."
    )
    drawn = plots.bits_map(where.mean(0)) if view.image else plots.bits_bars(where)
    return page.section("Where the bits go", page.plot(drawn, caption))


def walks(view: View) -> str:
    """Decoded lines between the codes of two rows."""
    pairs = min(8, len(view.rows) // 2)
    starts, ends = view.first(pairs), view.first(pairs, pairs)
    lines = view.trained.interpolate(starts, ends, steps=12)
    each = (to_array(in_memory(part.values), part.layout) for part in (starts, ends))
    left, right = (rows[:, None] for rows in each)
    rows = np.concatenate([left, lines, right], 1)
    image = panels.image_grid(view.trained, rows.reshape(-1, *rows.shape[2:]), rows.shape[1])
    caption = (
        "Far left and far right: two test images. Between them: the way from the "
        "code of one to that of the other, decoded."
    )
    return page.section("Interpolations", _picture(image, caption))


def aggregate(view: View) -> str:
    """Codes of the data against the prior."""
    with torch.inference_mode(), seeded(view.seed, "aggregate"):
        parts = [trace(view.trained.model, p, rule=from_posterior) for p in view.x.split(500)]
        each = [torch.cat([z.value[0] for z in t.latents.values()], 1) for t in parts]
    draws = torch.cat(each).numpy()
    caption = (
        "One draw from q(z|x) for each test row (filled) and the prior's density (line). Where "
        "they differ, samples from the prior land where the decoder was not trained."
    )
    shares = np.linspace(0.002, 0.998, 80)
    quantiles = panels.prior_quantiles(view.trained, shares)
    svg = plots.posterior_against_prior(draws, view.most_used(8), shares, quantiles)
    return page.section("Aggregate posterior and prior", page.plot(svg, caption))


def numbers(view: View) -> str:
    """Every score."""
    rows = [
        (name.replace("_", " "), _short(value))
        for name, value in view.scores.to_dict().items()
        if value is not None and not isinstance(value, list | str)
    ]
    text = "Nats per row unless named otherwise; reconstruction and KL add up to minus the ELBO."
    return page.section("All numbers", page.table(rows), text=text)


def origin(view: View) -> str:
    """What the model was trained on, how, and whose work it is."""
    config = view.trained.config
    shape = list(view.trained.representation.shape)
    arguments = {**config.arguments, "shape": shape, **asdict(config.plan)}
    rows = [("recipe", config.recipe), *((k, str(v)) for k, v in arguments.items())]
    rows += [("given beside x", config.conditions.text)] if config.conditions else []
    rows += [("prior", f"{config.prior.text}, fitted after training")] if config.prior else []
    rows += [*config.history.lines.items()]
    rows += [("data sha256", config.data.fingerprint), ("vaekit", config.vaekit)]
    recipe = recipes.RECIPES.get(config.recipe)
    papers = cited([recipe.__doc__ if recipe else "", recipes.RECIPES["vae"].__doc__])
    return page.section("Where it comes from", page.table(rows, numeric=False), page.items(papers))


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


SECTIONS: tuple[Section, ...] = (
    Section(top),
    Section(curves, lambda view: len(view.metrics) >= 4),
    Section(latents, lambda view: bool(view.kl_per_dimension)),
    Section(reconstructions),
    Section(samples),
    Section(classes, has_classes),
    Section(map),
    Section(manifold, lambda view: view.image and view.trained.latent >= 2 and has_density(view)),
    Section(traversals, lambda view: view.image and has_density(view)),
    Section(walks, lambda view: view.image and len(view.rows) >= 2),
    Section(aggregate, has_density),
    Section(bounds, has_density),
    Section(bits, is_coded),
    Section(numbers),
    Section(origin),
)
