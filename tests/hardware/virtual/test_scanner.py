from __future__ import annotations

import pytest

from hardware.ports import Scanner
from hardware.virtual.scanner import VirtualScanner


def test_a_scan_reaches_everybody_who_watches() -> None:
    virtual = VirtualScanner()
    scanner: Scanner = virtual
    first: list[str] = []
    second: list[str] = []
    stop = scanner.watch(first.append)
    scanner.watch(second.append)
    virtual.scan("KD1:ABC")
    stop()
    stop()
    virtual.scan("KD1:DEF")
    assert first == ["KD1:ABC"]
    assert second == ["KD1:ABC", "KD1:DEF"]


@pytest.mark.parametrize("text", ["", "密钥", "A\rB"])
def test_what_no_barcode_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        VirtualScanner().scan(text)
