"""Readers' names as people read them."""

from __future__ import annotations

import pytest

from hardware.pcsc.names import is_plain, labelled, readable


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (b"Virtual PCD 00 00", "Virtual PCD 00 00"),
        ("国密 UKey 00 00".encode(), "国密 UKey 00 00"),
        ("国密 UKey 00 00".encode("gbk"), "国密 UKey 00 00"),
        ("国密 UKey 00 00".encode("gb18030"), "国密 UKey 00 00"),
        ("Lecteur marqué".encode("latin-1"), "Lecteur marqu\\xe9"),
        ("国密".encode()[:-1] + b"\xff", "国\\xe5\\xaf\\xff"),
        (b"\x1b[2Jclean\r\n", "\\x1b[2Jclean\\r\\n"),
        ("a\u200bb\u202ec".encode(), "a\\u200bb\\u202ec"),
        (b"", ""),
    ],
)
def test_a_name_is_read_in_its_encoding_and_never_moves_the_cursor(name: bytes, read: str) -> None:
    assert readable(name) == read
    assert readable(name).isprintable()


@pytest.mark.parametrize(
    ("name", "plain"),
    [(b"Virtual PCD 00 00", True), (b"\x1b", False), ("国密".encode(), False), (b"\xb9\xfa", False)],
)
def test_a_plain_name_is_printable_ascii(name: bytes, plain: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    assert is_plain(name) is plain


def test_no_two_readers_have_one_name() -> None:
    utf8, gbk = "国密".encode(), "国密".encode("gbk")
    assert labelled([utf8, b"other", gbk]) == {"国密": utf8, "other": b"other", "国密 (2)": gbk}
