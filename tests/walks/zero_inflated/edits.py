"""Zero-inflated Poisson counts: a distribution, a family and its name."""

FAMILY = '''

class ZeroInflatedCounted(Counted):
    """Poisson counts that are zero more often than that, each by a chance of its own."""

    numbers = 2

    def forward(self, raw: Tensor) -> D.Distribution:
        mean, logits = raw.chunk(2, -len(self.event_shape))
        base = ZeroInflatedPoisson(self.gain * self.link(mean), logits)
        return independent(base, self.event_shape)
'''

NAME = '''

def zero_inflated_poisson(shape: Shape, **_: Any) -> Likelihood:
    """Counts with more zeros than Poisson's."""
    return ZeroInflatedCounted(shape)
'''

EDITS = [
    ("families/counts.py", "        base = D.NegativeBinomial(size, logits=logits, validate_args=False)\n        return independent(base, self.event_shape)\n", FAMILY),
    ("families/counts.py", "from vaekit.data_init import DataInit\n", "from vaekit.distributions.zero_inflated import ZeroInflatedPoisson\n"),
    ("families/catalogue.py", "    return OverdispersedCounted(shape)\n", NAME),
    ("families/catalogue.py", "beta_binomial, poisson, negative_binomial,", " zero_inflated_poisson,"),
    ("families/catalogue.py", "from vaekit.families.counts import Counted, OverdispersedCounted", ", ZeroInflatedCounted"),
]  # fmt: skip
