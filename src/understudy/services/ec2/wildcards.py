"""Texts against many values with wildcards at once, in time that grows with the text alone."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.services.ec2.errors import too_many_wildcards

# Working out the states costs their size in bits; this is about a twentieth of a second of it. Two hundred values of
# twenty characters take a fiftieth; what takes more has been written to take long.
_MOST_BITS = 60_000_000


class WildcardMatcher:
    """Whether a text equals one of some values, where `*` is any text, and `?` any character.

    A backslash takes a wildcard's meaning away. All values are one automaton. A state is a number with one bit for each
    place in each value; which bits follow for a character is worked out once and kept. So a text costs a look-up for
    each of its characters, however many values there are and however many wildcards they have. Raises
    FilterLimitExceeded when too many states are needed.
    """

    def __init__(self, values: Sequence[str]) -> None:
        at: dict[str, list[int]] = {}
        anything: list[int] = []
        stays: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        size = 0
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
        self._size = size
        self._bits_left = _MOST_BITS
        self._any = _bits(anything, size)
        self._masks = {character: _bits(places, size) | self._any for character, places in at.items()}
        self._stays = _bits(stays, size)
        self._ends = _bits(ends, size)
        self._states: dict[int, _State] = {}
        self._start = self._state(_bits(starts, size))

    def matches(self, text: str) -> bool:
        """Whether the text is one of the values."""
        state = self._start
        for character in text:
            following = state.get(character)
            state = following if following is not None else self._step(state, character)
            if not state.places:
                return False
        return state.accepts

    def _step(self, state: _State, character: str) -> _State:
        self._bits_left -= self._size
        if self._bits_left < 0:
            raise too_many_wildcards()
        places = state.places
        following = (places & self._masks.get(character, self._any)) << 1 | places & self._stays
        made = state[character] = self._state(following)
        return made

    def _state(self, places: int) -> _State:
        found = self._states.get(places)
        if found is None:
            found = self._states[places] = _State(places, accepts=bool(places & self._ends))
        return found


class _State(dict[str, "_State"]):
    """Where in the values a text may be so far, and the state that follows for each character seen here before."""

    __slots__ = ("accepts", "places")

    def __init__(self, places: int, *, accepts: bool) -> None:
        super().__init__()
        self.places = places
        self.accepts = accepts


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
