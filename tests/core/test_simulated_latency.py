"""How long background work and propagation take, with either clock setting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.simulated_latency import SimulatedLatency

SEEDS = st.integers(0, 2**31)
WHOM = st.text(max_size=40)


@given(SEEDS, WHOM)
def test_instant_waits_for_nothing(seed, whom):
    latency = SimulatedLatency(seed=seed)
    assert (0.0, 0.0) == (latency.deletion_seconds(whom), latency.propagation_seconds(whom))


@given(SEEDS, WHOM)
def test_aws_deletes_in_seven_to_seventy_seconds(seed, whom):
    """Reference service-linked-roles.md 1.5."""
    assert 7 <= SimulatedLatency("aws", seed).deletion_seconds(whom) <= 70


@given(SEEDS, WHOM)
def test_aws_tells_everybody_in_two_to_ten_seconds(seed, whom):
    assert 2 <= SimulatedLatency("aws", seed).propagation_seconds(whom) <= 10


@given(SEEDS, WHOM)
def test_the_same_seed_draws_the_same(seed, whom):
    first, again = SimulatedLatency("aws", seed), SimulatedLatency("aws", seed)
    assert first.deletion_seconds(whom) == again.deletion_seconds(whom)
    assert first.propagation_seconds(whom) == again.propagation_seconds(whom)


def test_another_seed_and_another_one_draw_otherwise():
    drawn = {SimulatedLatency("aws", seed).deletion_seconds(whom) for seed in (1, 2) for whom in ("a", "b")}
    assert 4 == len(drawn)
