"""The red team: every attack is held, and the suite would notice one that is not."""

from pathlib import Path

import pytest

from sipagent.testing.redteam.attacks import ATTACKS, Attack
from sipagent.testing.redteam.trial import tried


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_held(attack: Attack, tmp_path: Path) -> None:
    verdict = tried(attack, tmp_path)
    assert verdict.harm == []
    assert verdict.held, "it was refused, and nobody was told"


@pytest.mark.parametrize(
    ("attack", "harm"),
    [
        (ATTACKS[0], "tel:+19005550100 was reached"),
        (
            next(a for a in ATTACKS if "sound away" in a.name),
            "sound went to rtp://203.0.113.9:4000",
        ),
    ],
    ids=["a call", "sound"],
)
def test_a_plan_that_allows_everything_lets_it_through(
    attack: Attack, harm: str, tmp_path: Path
) -> None:
    lenient = {"destinations": ["*"], "taps": ["rtp://203.0.113.9:*"]}
    assert harm in tried(attack, tmp_path, policy=lenient).harm
