"""Running means: parameters that follow what batches say."""

from __future__ import annotations

from torch import nn


class RunningMeans(nn.Module):
    r"""A module all of whose parameters are running means of what batches say:

    .. math:: m \leftarrow \gamma m + (1 - \gamma) \hat m

    An objective adds half their squared distance from :math:`\hat m`, whose gradient is
    :math:`m - \hat m`, and each update moves them by :math:`1 - \gamma` times that, whatever the
    learning rate. So they are added up over parts of a batch and over processes, restored and
    averaged as weights are.

    Args:
        memory: gamma, the share that is kept at each update.
    """

    def __init__(self, memory: float) -> None:
        super().__init__()
        self.memory = memory
