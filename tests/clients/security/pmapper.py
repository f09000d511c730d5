"""Principalmapper's command. Its latest version looks in `collections` for names that Python moved away in 3.10."""

import collections
import collections.abc
import sys

collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]
collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]

from principalmapper.__main__ import main  # noqa: E402

sys.exit(main())
