"""What names a proxy, and what of it is told."""

from __future__ import annotations

import pytest

from kiosk.configuration import Centre, Proxy, ProxyInvalid, read_proxy


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("", None),
        ("http://proxy.example:3128", Proxy("proxy.example", 3128)),
        ("http://proxy.example:3128/", Proxy("proxy.example", 3128)),
        ("http://desk:p%40ss%3A%25@10.0.0.1:80", Proxy("10.0.0.1", 80, "desk", "p@ss:%")),
        ("http://[2001:db8::1]:8080", Proxy("2001:db8::1", 8080)),
    ],
)
def test_a_proxy_has_a_host_a_port_and_perhaps_a_login(text: str, proxy: Proxy | None) -> None:
    assert read_proxy(text) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "proxy.example:3128",
        "https://proxy.example:3128",
        "socks5://proxy.example:1080",
        "http://proxy.example",
        "http://proxy.example:0",
        "http://proxy.example:65536",
        "http://:3128",
        "http://proxy.example:3128/path",
        "http://user:pass#word@proxy.example:3128",
        "http://[proxy:3128",
    ],
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ProxyInvalid) as refused:
        read_proxy(text)
    assert text not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_password_is_shown_by_nothing() -> None:
    proxy = read_proxy("http://desk:secret@[2001:db8::1]:8080")
    assert proxy is not None
    assert proxy.address == "http://[2001:db8::1]:8080"
    assert "secret" not in f"{proxy!r} {proxy} {Centre(proxy='http://desk:secret@h:1')!r}"
