"""Texts against many values with wildcards at once, in time that grows with the text alone."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.services.ec2.errors import too_many_wildcards

_MOST_STEPS = 100_000_000
# What one character of a text costs, in bits of a state that are worked out.
_STEPS_OF_A_CHARACTER = 40


class MatchingBudget:
    """How much may be tried in one call, so that no call makes all others wait.

    A step is one bit of an automaton's state worked out; all of them take about a sixth of a second. Two hundred values
    of twenty characters on texts of a hundred thousand characters take a tenth of them.
    """

    def __init__(self) -> None:
        self.left = _MOST_STEPS

    def spend(self, steps: int) -> None:
        """Take steps. Raises FilterLimitExceeded when none are left."""
        self.left -= steps
        if self.left < 0:
            raise too_many_wildcards()


class WildcardMatcher:
    """Which of some groups of values have one that a text equals, where `*` is any text, and `?` any character.

    A backslash takes a wildcard's meaning away. All values of all groups are one automaton. A state is a number with
    one bit for each place in each value; which bits follow for a character is worked out once and kept. So a text
    costs a look-up for each of its characters, however many values there are and however many wildcards they have.
    All it costs is taken from the budget.
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
        """The groups that have the text among their values: one bit for each, the first group's the lowest."""
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
    """Where in the values a text may be so far, and the state that follows for each character seen here before.

    `groups` are those that a text which ends here is in; None before they are worked out.
    """

    __slots__ = ("groups", "places")

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places
        self.groups: int | None = None


def _pieces(value: str) -> list[tuple[str, bool]]:
    """Each character of a value, and whether it is a wildcard. A backslash at the end stands for itself."""
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
    """A number with these bits set."""
    array = bytearray(size // 8 + 1)
    for place in places:
        array[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(array, "little")
