"""PyTorch as the suite runs it on this machine: threads and memory."""

from __future__ import annotations

import torch


def configure() -> None:
    """Sets PyTorch up for this process."""
    torch.set_num_threads(1)  # one process per core: two threads for one small network are slower than one
    # glibc gives freed memory back to the system from twice the size of the largest block it was ever given back: with
    # this block, which is never written to, an update's tensors of 256 KB no longer cost hundreds of page faults
    torch.empty(16 << 20, dtype=torch.uint8)
