"""Matches texts against many values with wildcards at once. The time grows with the text, not with the values."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.services.ec2.api.errors import too_many_wildcards

_MOST_STEPS = 100_000_000
# What one character of a text costs, in bits of a state that are worked out.
_STEPS_OF_A_CHARACTER = 40


class MatchingBudget:
    """How much matching one call may do, so that it does not make other clients wait.

    A step is one bit of a state of the automaton. All steps together take about a sixth of a second. A tenth of them is
    enough for 200 values of 20 characters and texts of 100,000 characters.
    """

    def __init__(self) -> None:
        self.left = _MOST_STEPS

    def spend(self, steps: int) -> None:
        """Take steps. Raises FilterLimitExceeded when none are left."""
        self.left -= steps
        if self.left < 0:
            raise too_many_wildcards()


class WildcardMatcher:
    """Says which groups of values a text matches. `*` stands for any text and `?` for any character.

    A backslash takes a wildcard's meaning away. The values of all groups make one automaton. A state is a number with
    one bit for each position in each value. The next state for a character is computed once and kept. So a text costs
    one look-up for each of its characters, however many values and wildcards there are. All costs are taken from the
    budget.
    """

    def __init__(self, groups: Sequence[Sequence[str]], budget: MatchingBudget) -> None:
        at: dict[str, list[int]] = {}
        anything: list[int] = []
        stays: list[int] = []
        starts: list[int] = []
        size = 0
        ends_of_groups: list[list[int]] = []
        for values in groups:
            ends: list[int] = []
            for value in values:
                starts.append(size)
                for character, wild in _pieces(value):
                    if wild and character == "*":
                        stays.append(size)
                        continue
                    (anything if wild else at.setdefault(character, [])).append(size)
                    size += 1
                ends.append(size)
                size += 1
            ends_of_groups.append(ends)
        self._size = size
        self._budget = budget
        self._any = _bits(anything, size)
        self._masks = {character: _bits(places, size) | self._any for character, places in at.items()}
        self._stays = _bits(stays, size)
        self._ends = [_bits(ends, size) for ends in ends_of_groups]
        self._states: dict[int, _State] = {}
        self._start = self._state(_bits(starts, size))
        self._known: dict[str, int] = {}

    def groups_of(self, text: str) -> int:
        """Return the groups that the text matches as bits; the lowest bit is the first group."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self._find_groups(text)
        return found

    def _find_groups(self, text: str) -> int:
        self._budget.spend(_STEPS_OF_A_CHARACTER * len(text))
        state = self._start
        for character in text:
            following = state.get(character)
            state = following if following is not None else self._step(state, character)
            if not state.places:
                return 0
        if state.groups is None:
            self._budget.spend(self._size * len(self._ends))
            ends = enumerate(self._ends)
            state.groups = sum(1 << number for number, places in ends if state.places & places)
        return state.groups

    def _step(self, state: _State, character: str) -> _State:
        self._budget.spend(self._size)
        places = state.places
        following = (places & self._masks.get(character, self._any)) << 1 | places & self._stays
        made = state[character] = self._state(following)
        return made

    def _state(self, places: int) -> _State:
        found = self._states.get(places)
        if found is None:
            found = self._states[places] = _State(places)
        return found


class _State(dict[str, "_State"]):
    """The positions in the values that a text may have reached, and the next state for each character seen here.

    `groups` are the groups that a text which ends here matches. It is None until it is computed.
    """

    __slots__ = ("groups", "places")

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places
        self.groups: int | None = None


def _pieces(value: str) -> list[tuple[str, bool]]:
    """Return each character of a value, and whether it is a wildcard. A backslash at the end stands for itself."""
    if "\\" not in value:
        return [(character, character in "*?") for character in value]
    pieces: list[tuple[str, bool]] = []
    escaped = False
    for character in value:
        if character == "\\" and not escaped:
            escaped = True
            continue
        pieces.append((character, character in "*?" and not escaped))
        escaped = False
    if escaped:
        pieces.append(("\\", False))
    return pieces


def _bits(places: Sequence[int], size: int) -> int:
    """Return a number with these bits set."""
    array = bytearray(size // 8 + 1)
    for place in places:
        array[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(array, "little")
