"""Masks of frames are random and never used again."""

from __future__ import annotations

from simulator.live.masks import BLOCK, Masks


def test_no_two_frames_have_the_same_mask_across_blocks() -> None:
    masks = Masks()
    found = [masks.next() for _ in range(3 * BLOCK // 4)]
    assert {len(mask) for mask in found} == {4}
    assert len(set(found)) > len(found) - 10  # of 2^32: hardly two
