"""Seeds derived from places."""

from engine.training.randomness import derive


def test_equal_places_give_equal_seeds_and_other_places_others() -> None:
    places = [(seed, epoch, step) for seed in range(10) for epoch in range(10) for step in range(100)]
    seeds = [derive(*place) for place in places]
    assert seeds == [derive(*place) for place in places]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_order_and_the_number_of_the_parts_matter() -> None:
    assert len({derive(1, 2, 3), derive(1, 3, 2), derive(2, 1, 3), derive(1, 2), derive(1, 2, 0), derive(1)}) == 6


def test_one_bit_of_the_seed_turns_half_the_bits_also_in_the_low_word() -> None:
    turned = [derive(7, 5, 3) ^ derive(7 ^ (1 << bit), 5, 3) for bit in range(31)]
    assert 25 < sum(word.bit_count() for word in turned) / 31 < 38
    assert 11 < sum((word & 0xFFFFFFFF).bit_count() for word in turned) / 31 < 21


def test_seeds_stay_what_they_were_when_runs_were_stored() -> None:
    assert derive(0, 0, 0) == 1_279_368_494_785_126_216
