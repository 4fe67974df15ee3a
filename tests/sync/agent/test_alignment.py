from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.entries.body import Tip
from sync.agent.alignment import Forked, NothingMissing, TailLost, align


def tip(chain: list[bytes]) -> Tip | None:
    return Tip(1, len(chain), chain[-1]) if chain else None


def compare(ours: list[bytes], centre: list[bytes]) -> object:
    known = centre[: len(ours)] == ours
    return align(
        tip(ours), tip(centre), lambda at: ours[at - 1] if 0 < at <= len(ours) else None, known=known
    )


CHAINS = st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=6)


@given(CHAINS, CHAINS, CHAINS)
def test_every_two_histories_are_told_apart(
    common: list[bytes], ours: list[bytes], theirs: list[bytes]
) -> None:
    found = compare(common + ours, common)
    assert found == NothingMissing(len(common))
    if theirs:
        assert compare(common, common + theirs) == TailLost(
            len(common), Tip(1, len(common + theirs), theirs[-1])
        )
    if theirs and ours and ours[: len(theirs)] != theirs and theirs[: len(ours)] != ours:
        assert compare(common + ours, common + theirs) == Forked(len(common + theirs))
