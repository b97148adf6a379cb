# SPDX-License-Identifier: Apache-2.0
"""Which rows of a large table are tested today; as tests/sample.hpp."""

import os
import time

# Since 1970; EFFACE_DAY in the environment repeats another one.
DAY = int(os.environ.get("EFFACE_DAY", time.time() // 86400))


class Sample:
    """Of a large table one row in `several`, the next ones tomorrow, so that each comes within so
    many days; and the first of each kind always. With EFFACE_LONG=1 all."""

    def __init__(self, several):
        self.several = 1 if os.environ.get("EFFACE_LONG") else several
        self.row, self.kinds = DAY, set()

    def has(self, kind):
        """Whether the next row, which is of this kind, is taken."""
        self.row += 1
        new = kind not in self.kinds
        self.kinds.add(kind)
        return new or self.row % self.several == 0


def todays(rows, several, kind_of=lambda row: None):
    """Those of them that such a sample takes."""
    sample = Sample(several)
    return [row for row in rows if sample.has(kind_of(row))]
