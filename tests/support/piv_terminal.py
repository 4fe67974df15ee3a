"""Commands to a virtual PIV card, in hexadecimal."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from hardware.virtual.card import FaultyCard
from hardware.virtual.piv.card import PivCard

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.virtual.card import VirtualCard

MANAGEMENT_KEY = "0102030405060708" * 4
CIPHERS = {
    0x03: (48, "des-ede3-ecb"),
    0x08: (32, "aes-128-ecb"),
    0x0A: (48, "aes-192-ecb"),
    0x0C: (64, "aes-256-ecb"),
}


class PivTerminal:
    """Speaks to a virtual PIV card in hexadecimal, and composes the commands that tests send often."""

    PIN, OTHER_PIN, WRONG_PIN = ((digits + b"\xff\xff").hex() for digits in (b"123456", b"246810", b"999999"))
    PUK, WRONG_PUK = b"12345678".hex(), b"99999999".hex()
    TEMPLATE = "61114F0600001000010079074F05A0000003089000"
    DIGEST = "5A" * 32

    def __init__(self, card: VirtualCard, path: Path) -> None:
        self.transport = card
        self.path = path

    @property
    def card(self) -> PivCard:
        assert isinstance(self.transport, PivCard)
        return self.transport

    def around(self, *faults: Any) -> PivTerminal:
        """Speak to the same card through one that fails."""
        return PivTerminal(FaultyCard(self.transport, *faults), self.path)

    def restarted(self) -> PivTerminal:
        """Speak to the card as its file has it."""
        again = PivTerminal(PivCard(self.path), self.path)
        assert again.select() == self.TEMPLATE
        return again

    def send(self, header: str, data: str | None = None, le: str = "") -> str:
        """Send a whole command, or compose a short one of header and data."""
        command = header if data is None else f"{header}{len(data) // 2:02X}{data}{le}"
        return self.transport.transmit(bytes.fromhex(command)).hex().upper()

    @staticmethod
    def tlv(tag: str, value: str) -> str:
        length = len(value) // 2
        return (tag + (f"{length:02X}" if length < 0x80 else f"82{length:04X}") + value).upper()

    def select(self) -> str:
        return self.send("00A40400", "A00000030800001000", "00")

    @staticmethod
    def enciphered(algorithm: int, block: str, *, opened: bool = False) -> str:
        """Have OpenSSL encrypt or decrypt a block under the factory's management key."""
        length, cipher = CIPHERS[algorithm]
        way = ["-d"] if opened else []
        command = ["openssl", "enc", f"-{cipher}", "-nopad", "-K", MANAGEMENT_KEY[:length], *way]
        return subprocess.run(
            command, input=bytes.fromhex(block), capture_output=True, check=True
        ).stdout.hex()

    def let_in(self, algorithm: int = 0x03) -> str:
        """Prove the management key to the card."""
        header = f"0087{algorithm:02X}9B"
        asked = self.send(header, "7C028100")
        return self.send(header, self.tlv("7C", self.tlv("82", self.enciphered(algorithm, asked[8:-4]))))

    def verify(self, pin: str = PIN) -> str:
        return self.send("00200080", pin)

    def make_key(self, slot: str = "9A") -> str:
        return self.send(f"004700{slot}", "AC03800111", "00")

    def sign(self, slot: str = "9A", digest: str = DIGEST) -> str:
        return self.send(f"008711{slot}", self.tlv("7C", "8200" + self.tlv("81", digest)), "00")

    def get(self, number: str) -> str:
        return self.send("00CB3FFF", self.tlv("5C", number), "00")

    def put(self, number: str, value: str) -> str:
        """Write an object, in a chain where it is long."""
        data = self.tlv("5C", number) + self.tlv("53", value)
        while len(data) > 2 * 255:
            assert self.send("10DB3FFF", data[: 2 * 255]) == "9000"
            data = data[2 * 255 :]
        return self.send("00DB3FFF", data)

    def whole(self, answer: str) -> str:
        """Fetch the rest of an answer."""
        gathered = answer[:-4]
        while answer[-4:-2] == "61":
            answer = self.send(f"00C00000{answer[-2:]}")
            gathered += answer[:-4]
        return gathered + answer[-4:]
