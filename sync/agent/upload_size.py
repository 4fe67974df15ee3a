"""How large the next upload may be (pure): smaller after one that did not get through, larger again after those that did."""

from __future__ import annotations

from sync.protocol.batches import BATCH_BYTES

LEAST_BROKEN = 16 * 1024
"""An upload of no more than this did not break for its size."""
STEP = 16 * 1024


class UploadSize:
    """The size of a batch (bytes, unpacked), as long as the process lasts.

    What was refused as too large is never tried again. What broke may have broken for another reason: half of it is tried
    next, and each upload that gets through adds a step.
    """

    def __init__(self) -> None:
        self._most = BATCH_BYTES
        self.now = BATCH_BYTES

    def refused(self, size: int) -> None:
        """Something takes no batch of that size."""
        self._most = self.now = min(self.now, size // 2)

    def broke(self, size: int) -> None:
        """A batch of that size got no answer."""
        if size > LEAST_BROKEN:
            self.now = min(self.now, max(size // 2, LEAST_BROKEN))

    def passed(self) -> None:
        """A batch was taken."""
        self.now = min(self._most, self.now + STEP)
