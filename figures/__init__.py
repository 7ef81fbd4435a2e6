"""Pictures and pages drawn from records alone: `python -m figures RECORDS`.

loss_curves         Figure 1a: training loss of the randomisation tests
corruption          Figure 1c: test error against label corruption
report              one self-contained page: tables, figures, claims, what was run
"""

from figures.corruption import draw_corruption
from figures.loss_curves import draw_loss_curves
from figures.report import write_report

__all__ = ["draw_corruption", "draw_loss_curves", "write_report"]
