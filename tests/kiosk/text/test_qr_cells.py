from __future__ import annotations

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kiosk.text.qr_cells import QrTooLarge, half_blocks, matrix, modules

LINK = "HTTPS://PAY.EXAMPLE.CN/P/"
TOKEN = "0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEFGHJKMNPQRSTVW"


def decode_modules(rows: list[list[bool]]) -> str:
    picture = Image.new("L", (len(rows[0]), len(rows)))
    picture.putdata([0 if dark else 255 for row in rows for dark in row])
    [code] = zxingcpp.read_barcodes(
        picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
    )
    return code.text


def unfold(lines: list[str]) -> list[list[bool]]:
    """The modules that half blocks show."""
    rows = []
    for line in lines:
        rows.append([character in "▀█" for character in line])
        rows.append([character in "▄█" for character in line])
    return rows


@settings(max_examples=15, deadline=None)
@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ$%*+-./:", min_size=1, max_size=110))
def test_what_the_cells_show_can_be_scanned(text: str) -> None:
    lines = half_blocks(matrix(text))
    assert decode_modules(unfold(lines)) == text


def test_an_order_link_takes_41_columns_and_21_rows() -> None:
    lines = half_blocks(matrix(LINK + TOKEN[:59]))
    assert {len(line) for line in lines} == {41}
    assert len(lines) == 21


def test_the_quiet_zone_is_four_modules_on_every_side() -> None:
    rows = modules("KEYDESK")
    assert not any(any(row) for row in (*rows[:4], *rows[-4:]))
    assert not any(any(row[:4]) or any(row[-4:]) for row in rows)
    assert rows[4][4]


def test_error_correction_falls_to_l_before_the_code_grows_too_large() -> None:
    # ISO/IEC 18004, table 7: version 4 holds 90 alphanumeric characters with M and 114 with L
    assert len(modules("A" * 90)) == len(modules("A" * 114)) == 41
    with pytest.raises(QrTooLarge) as refused:
        modules("A" * 115)
    assert refused.value.length == 115
    assert len(modules("A" * 115, largest_version=5)) == 45


def test_a_text_that_no_code_holds_is_refused() -> None:
    with pytest.raises(QrTooLarge):
        modules("A" * 5000)
