#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Wraps tamper_test.py: $EFFACE is the program under test, in a build folder that has make_bundle.
exec "${PYTHON:-python3}" "$(dirname "$0")/tamper_test.py"
