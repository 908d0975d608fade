"""A notebook: look at a trained model. `pip install marimo`, then

    marimo edit examples/explore_a_run.py                        # digits, trained on the spot
    marimo run examples/explore_a_run.py -- --run=runs/mine      # a run of yours on pictures, as an app

It runs as a plain program too: python examples/explore_a_run.py
"""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo
    import matplotlib.pyplot as plt

    import vaekit
    from vaekit import evaluation
    from vaekit.runs.job import reopen

    return evaluation, mo, plt, reopen, vaekit


@app.cell
def _(mo, reopen, vaekit):
    named = mo.cli_args()
    epochs = int(named.get("epochs", 60))
    if run := named.get("run"):
        model = vaekit.load(run, reopen(vaekit.load(run).config))
    else:
        model = vaekit.fit("digits", latent=2, width=100, epochs=epochs, quiet=True)
    model  # shows itself: recipe, data, likelihood, scores
    return (model,)


@app.cell
def _(model):
    scores = model.evaluate(samples=100)
    scores  # a card: a sentence, log p(x) with its errors, what codes carry
    return (scores,)


@app.cell
def _(evaluation, mo, model):
    told = evaluation.aggregate(model.model, model.rows(model.source, "test"))
    mo.md(
        f"A code tells **{told.mutual_information:.2f} nats** of its row; "
        f"{told.marginal_kl:.2f} nats are paid for codes that lie off the prior."
    )
    return


@app.cell
def _(model, plt):
    rows = model.source.rows("test").numpy()
    codes = model.encode(rows)
    figure, place = plt.subplots(figsize=(5, 4.5))
    labels = model.source.labels_of("test")
    place.scatter(codes[:, 0], codes[:, 1], c=labels, cmap="tab10", s=10)
    place.set(xlabel="z0", ylabel="z1", title="codes of held-out rows")
    figure
    return (codes,)


@app.cell
def _(mo, model):
    sliders = mo.ui.array(
        [mo.ui.slider(-3, 3, 0.1, value=0, label=f"z{i}") for i in range(model.latent)]
    )
    sliders
    return (sliders,)


@app.cell
def _(model, plt, sliders):
    import numpy as np

    decoded = model.decode(np.array([sliders.value], dtype=np.float32))[0]
    shown, at = plt.subplots(figsize=(2.5, 2.5))
    at.imshow(decoded.squeeze(), cmap="gray")
    at.set_axis_off()
    shown
    return (decoded,)


@app.cell
def _(mo):
    mo.md("""
    `page = model.explore()` opens the whole explorer beside this notebook, and `page.selected` are the rows
    that were picked on it; `page.stop()` ends it.
    """)
    return


if __name__ == "__main__":
    app.run()
