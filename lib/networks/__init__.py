"""The four networks of thesis section 4.3, and how one is trained."""

from lib.networks.architectures import (
    ARCHITECTURES,
    Architecture,
    Hyperparameters,
    Variant,
    build,
    default_hyperparameters,
    layer_table,
    portable,
    variant,
)

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Hyperparameters",
    "Variant",
    "build",
    "default_hyperparameters",
    "layer_table",
    "portable",
    "variant",
]
