"""Plain networks: tensors in, raw numbers out. They know no probability."""

from vaekit.networks.convolutional import conv_decoder, conv_encoder
from vaekit.networks.dense import dense
from vaekit.networks.inputs import Jitter, MeanLogits, Rescale, Standardize, Summed, UnitLength
from vaekit.networks.join import ConditionDropout, InputLayerFirst, Join
from vaekit.networks.keras import tutorial_decoder, tutorial_encoder
from vaekit.networks.layers import ACTIVATIONS, Heads, glorot
from vaekit.networks.residual import (
    map_decoder,
    map_encoder,
    residual_decoder,
    residual_encoder,
)
from vaekit.networks.scales import Scales, SummedScales

__all__ = [
    "ACTIVATIONS",
    "ConditionDropout",
    "Heads",
    "InputLayerFirst",
    "Jitter",
    "Join",
    "MeanLogits",
    "Rescale",
    "Scales",
    "Standardize",
    "Summed",
    "SummedScales",
    "UnitLength",
    "conv_decoder",
    "conv_encoder",
    "dense",
    "glorot",
    "map_decoder",
    "map_encoder",
    "residual_decoder",
    "residual_encoder",
    "tutorial_decoder",
    "tutorial_encoder",
]
