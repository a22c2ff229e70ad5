"""The loss with every option has the same reference as the loss."""

from __future__ import annotations

from .joints_mse import joints_mse_loss

__all__ = ["joints_mse_loss"]
