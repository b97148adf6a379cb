# SPDX-License-Identifier: Apache-2.0
"""Why something is not better: texts in records of 1.0.0, since then a code and a text."""
import pathlib

# Those of efface-reasons(7), one a line.
CODES = frozenset((pathlib.Path(__file__).parent / 'reason_codes').read_text().split())


def since_1_1(predicate):
    return predicate['schemaVersion'] != '1.0.0'


def named(found, code):
    """Whether one of the reasons has this code; texts of 1.0.0 have none."""
    return any(type(reason) is dict and reason['code'] == code for reason in found)
