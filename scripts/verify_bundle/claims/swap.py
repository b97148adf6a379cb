# SPDX-License-Identifier: Apache-2.0
"""Pages of what was in memory that may stand in swap or in zswap, out of reach of the overwrite."""
from common import need
from reasons import since_1_1


def may_be_swapped(row, facts):
    """Whatever the record says: a locked segment may have been in swap before it was locked."""
    how = row.get('swap')
    if how != 'unless-noswap':
        return how == 'always'
    if row.get('neverSwapped'):
        need(facts.get('filesystem') is not None, 'the record does not name the file system')
        if facts['filesystem'] in row['neverSwapped']:
            return False
    return 'noswap' not in (facts.get('mountOptions') or '').split(',')


def check_swap(predicate, rules):
    """Of a certificate for memory."""
    result, target = predicate['result'], predicate['target']
    whole, level = result['status'] == 'sanitized', result['level'] != 'none'
    if not since_1_1(predicate) or not (whole or level):
        return
    facts = target.get('facts') or {}
    need(facts.get('swappable') is not None,
         'the record does not say whether the target can be swapped')
    if level and target['kind'] == 'swap':
        need(facts['machine']['swap'].get('zswapBytes') == 0, 'pages of the area were in zswap')
    if not facts['swappable']:
        need(not may_be_swapped(rules.row, facts), 'the kernel may swap this')
        return
    before, after = facts['machine']['swap'], facts['swapAfter']
    if level:
        states = rules.part('swap').get('states', ())
        need(all(look['state'] in states and look.get('zswapBytes') == 0
                 for look in (before, after)), 'a level is claimed with pages in swap or zswap')
        for key in rules.part('swap').get('counters', ()):
            need(before.get(key) == after.get(key), 'a level is claimed, though swap grew')
    need(not whole or all(after.get(key) == 0 for key in rules.part('swap').get('counters', ())),
         'pages were written to swap, and no exception lists this')
