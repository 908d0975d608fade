"""A logistic prior with learned places and widths: a class and its name."""

PRIOR = '''

class Logistic(Prior):
    """Independent logistic dimensions, their places and widths learned: heavier tails."""

    called = "logistic"

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.place, self.log_width = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, *given: Tensor) -> D.Distribution:
        even = D.Uniform(torch.zeros_like(self.place), torch.ones_like(self.place))
        ways = [D.SigmoidTransform().inv, D.AffineTransform(self.place, self.log_width.exp())]
        return independent(D.TransformedDistribution(even, ways, validate_args=False), self.event_shape)

    @torch.no_grad()
    def quantiles(self, shares: Tensor) -> Tensor | None:
        return self.place + self.log_width.exp() * torch.logit(shares)[:, None]
'''

EDITS = [
    ("conditionals/priors.py", "        return type(found)(found.transform, independent(base, self.event_shape))\n", PRIOR),
    ("conditionals/priors.py", '    "flow": Kind(lambda site: Flow(site.dim), 3e-3, scaled=True),\n', '    "logistic": Kind(lambda site: Logistic(site.dim), 1e-2),\n'),
    ("recipes/parts.py", 'Prior = Literal["standard", "mixture", "vamp", "flow"', ', "logistic"'),
]  # fmt: skip
