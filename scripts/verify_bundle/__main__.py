# SPDX-License-Identifier: Apache-2.0
"""The parts of scripts/verify-bundle that need more than a command line.

Python's standard library and the openssl command only. Written from the formats' texts (RFC 5652,
RFC 5035, RFC 9162, C2SP signed-note and tlog-proof) and efface-certificate(5), not from efface's
own code.
"""
import sys

from claims import check_claims
from cms import check_approvals, check_cms, check_time
from common import Wrong
from files import check_files
from log import check_log

COMMANDS = {'files': check_files, 'claims': check_claims, 'cms': check_cms, 'time': check_time,
            'approvals': check_approvals, 'log': check_log}

if __name__ == '__main__':
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except Wrong as wrong:
        print('      ' + str(wrong).encode('ascii', 'backslashreplace').decode())
        sys.exit(1)
    except (KeyError, IndexError, TypeError, ValueError, OSError, AttributeError) as error:
        print(f'      malformed: {type(error).__name__} {error!r}'[:200])
        sys.exit(1)
