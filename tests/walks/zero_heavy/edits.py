"""Poisson counts with more zeros: a distribution, a family and its name."""

FAMILY = '''

class ZeroHeavyCounted(Counted):
    """Poisson counts that are zero more often than that, each by a chance of its own."""

    numbers = 2

    def counts(self, mean: Tensor, *others: Tensor) -> D.Distribution:
        return ZeroInflatedPoisson(mean, others[0])
'''

NAME = '''

def zero_inflated_poisson(shape: Shape, **_: Any) -> Likelihood:
    """Counts with more zeros than Poisson's."""
    return ZeroHeavyCounted(shape)
'''

EDITS = [
    ("families/counts.py", "        return Poisson(mean, validate_args=False)\n", FAMILY),
    ("families/counts.py", "from vaekit.data_init import DataInit\n", "from vaekit.distributions.zero_inflated import ZeroInflatedPoisson\n"),
    ("families/catalogue.py", "    return OverdispersedCounted(shape)\n", NAME),
    ("families/catalogue.py", "beta_binomial, poisson, negative_binomial,", " zero_inflated_poisson,"),
    ("families/catalogue.py", "from vaekit.families.counts import Counted, CountMixture, OverdispersedCounted, ZeroInflatedCounted", ", ZeroHeavyCounted"),
]  # fmt: skip
