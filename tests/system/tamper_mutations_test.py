#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weakening any condition of the table of techniques is noticed by the false claims of
tests/system/tamper, or by its honest records. A sample of the conditions, all of them with
EFFACE_LONG=1."""
import pathlib
import sys
import tempfile

import tamper_test
from tamper.claims import mutations

SKIPPED = 77


def main():
    if tamper_test.HELPER is None:
        print('skipped: needs make_bundle')
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix='efface-mutations-') as folder:
        count, problems = mutations.run(tamper_test.HELPER, pathlib.Path(folder),
                                        tamper_test.claims_made())
    for problem in problems:
        print(problem)
    survived = len({problem.split(': ', 1)[1] for problem in problems})
    print(f'{count} conditions weakened: {count - survived} caught, {survived} survived')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
