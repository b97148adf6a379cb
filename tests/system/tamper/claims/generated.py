# SPDX-License-Identifier: Apache-2.0
"""Every field that success rests on, broken in every way, in every honest record, or in a sample of
them: judged by the library (make_bundle --judge) and by the modules of scripts/verify-bundle. Both
refuse all of it."""
import copy
import itertools

from sample import Sample
from tamper.claims import drive, memory, read, reasons, target, volumes
from tamper.edits import at, changed, made
from tamper.stock import judge_here, library_says, predicate_of


# Paths of fields; * is every item of a list. + before it: only a level rests on it.
FIELDS = {
    'drive': '''verification.performed verification.result verification.identity
        verification.canaries.blockBytes verification.canaries.placed verification.canaries.changed
        verification.canaries.unreadable verification.canaries.intact verification.canaries.refused
        verification.canaries.surfaces verification.canaries.surfaces.*
        verification.canaries.surfaces.*.sizeBytes verification.canaries.surfaces.*.offsets
        verification.canaries.surfaces.*.offsets.* verification.canaries.surfaces.*.unreadable
        verification.canaries.surfaces.*.intact verification.canaries.surfaces.*.unexpected
        verification.canaries.surfaces.*.refused verification.samples.taken
        verification.samples.changed verification.samples.uninformative
        verification.samples.unchanged verification.samples.unreadable
        verification.samples.surfaces verification.samples.surfaces.*.changed
        verification.samples.surfaces.*.unreadable verification.whole.bytesPlanned
        verification.whole.bytesCompared verification.whole.unreadableBytes
        verification.whole.unexpectedBytes verification.whole.mismatches
        verification.unreadableStatuses.*.count verification.unreadableStatuses.*.expected
        target.hiddenAreas.examined target.hiddenAreas.areas target.hiddenAreas.areas.*.kind
        target.hiddenAreas.areas.*.covered target.hiddenAreas.areas.*.opened
        target.hiddenAreas.areas.*.bytes target.drive.capacityBytes target.sizeBytes
        sanitization.operation.adopted result.status result.level result.exceptions
        result.exceptions.*.code
        target.health.grown target.health.grown.*.value target.health.grown.*.before
        target.health.grown.*.after target.health.before.commandSet target.health.before.pages
        target.health.before.pages.*.page target.health.before.pages.*.hex
        target.health.after.pages.*.sha256 target.health.after.values.failing
        target.health.after.values.celsius target.health.after.values.sparePercent
        target.health.after.values.wearPercent target.health.after.values.hostWrittenBytes
        target.health.after.values.powerCycles target.health.after.values.powerOnHours
        target.health.after.values.mediaErrors target.health.after.values.loggedErrors
        target.health.after.values.selfTest''',
    'media': '''verification.performed verification.result verification.method
        verification.bytesPlanned verification.bytesCompared verification.mismatches
        verification.readFaults.bytes verification.readFaults.count target.sizeBytes
        sanitization.passes sanitization.passes.*.bytesWritten
        sanitization.passes.*.writeFaults.bytes sanitization.passes.*.flush result.status
        result.level result.exceptions result.exceptions.*.code
        target.health.grown target.health.grown.*.value target.health.grown.*.before
        target.health.grown.*.after target.health.before.commandSet target.health.before.pages
        target.health.before.pages.*.page target.health.before.pages.*.hex
        target.health.after.pages.*.sha256 target.health.after.values.failing
        target.health.after.values.celsius target.health.after.values.selfTest
        target.health.after.values.wearPercent target.health.after.values.powerOnHours
        target.health.after.values.pending target.health.after.values.reallocated
        target.health.after.values.mediaErrors target.health.after.values.hostWrittenBytes''',
    'memory': '''+target.facts +target.facts.swappable +target.facts.machine
        +target.facts.machine.swap +target.facts.swapAfter
        +target.facts.machine.swap.state +target.facts.machine.swap.zswapBytes
        +target.facts.machine.swap.pagesWrittenOut +target.facts.machine.swap.zswapPagesWrittenOut
        +target.facts.swapAfter.state +target.facts.swapAfter.zswapBytes
        +target.facts.swapAfter.pagesWrittenOut +target.facts.swapAfter.zswapPagesWrittenOut
        verification.performed verification.result verification.bytesPlanned
        verification.bytesCompared verification.mismatches verification.readFaults.bytes
        verification.readFaults.count sanitization.passes sanitization.passes.*.bytesWritten
        sanitization.passes.*.writeFaults.bytes sanitization.passes.*.flush sanitization.sweep
        sanitization.sweep.freeBytes sanitization.sweep.takenBytes sanitization.sweep.passes
        sanitization.negativeControls sanitization.negativeControls.*.name
        sanitization.negativeControls.*.result +verification.method +target.facts.residentBytes
        +target.facts.contentFreed +target.facts.filesystem +target.facts.mountOptions
        +target.facts.machine.initOnFree +target.facts.machine.initOnFree.state
        target.identityAfter.removed +target.facts.machine.states.tpm result.status result.level
        result.exceptions result.exceptions.*.code''',
    'example': '''volumes volumes.*.status volumes.*.level volumes.*.alreadyGone
        +volumes.*.eligibility.eligible +volumes.*.payloadSample
        +volumes.*.payloadSample.piecesSampled +volumes.*.payloadSample.ciphertextLike
        +volumes.*.payloadSample.structured +volumes.*.payloadSample.zero
        +volumes.*.payloadSample.unreadable volumes.*.credential volumes.*.credential.declared
        volumes.*.credential.openedBefore volumes.*.credential.refusedAfter volumes.*.locations
        volumes.*.locations.*.status volumes.*.locations.*.regions
        volumes.*.locations.*.regions.*.offset volumes.*.locations.*.regions.*.length
        +volumes.*.locations.*.regionReasons volumes.*.locations.*.overwrite.bytesWritten
        volumes.*.locations.*.verification.performed volumes.*.locations.*.verification.result
        volumes.*.locations.*.verification.bytesCompared
        volumes.*.locations.*.verification.mismatches volumes.*.locations.*.negativeControls
        volumes.*.locations.*.negativeControls.*.name
        volumes.*.locations.*.negativeControls.*.result +volumes.*.locations.0.header
        +volumes.*.locations.0.header.intact +volumes.*.locations.0.header.keyBytes
        +volumes.*.locations.0.header.segments +volumes.*.locations.0.header.segments.*.type
        +volumes.*.locations.0.header.segments.*.encryption
        volumes.*.locations.0.header.keyslots.*.area.offset
        +authorization.attestation +authorization.attestation.encryptedSinceFirstUse
        +authorization.attestation.allKeyCopiesDeclared result.status result.level'''}
NEVER_SWAPPED = {'noswap', 'ramfs-file', 'area', 'area-on-zram', 'zram', 'cleared-queue'}
FREED = {'zram', 'area-on-zram', 'cleared-queue'}
# Whose controls are not named by any rule: none may fail, but which there are is no claim.
ANY_CONTROLS = {'memory', 'states', 'swapped-before', 'noswap', 'ramfs-file', 'holes', 'sweep',
                'pool', 'area', 'zram', 'area-on-zram'}
NUMBERS = {'more', 'less', 'zero', 'double', 'huge'}
# What a record may say as well: path, how it was changed, and where not everywhere the records.
HARMLESS = [
    # a canary may stand elsewhere on its surface
    ('verification.canaries.surfaces.*.offsets.*', {'more', 'less', 'double'}, None),
    # of an area that the technique reaches it does not matter how large it is, or whether it is there
    ('target.hiddenAreas.areas.*.bytes', NUMBERS - {'huge'}, None),
    ('target.hiddenAreas.areas.*.opened', {'true'}, None),
    ('target.hiddenAreas.areas', {'list', 'first', 'shorter', 'doubled'}, None),
    ('target.hiddenAreas.areas.*.covered', {'true'}, {'drive-opened', 'drive-not-opened'}),
    # an exception for what was reached claims less
    ('target.hiddenAreas.areas.*.covered', {'false'}, {'namespace-left', 'cut'}),
    # a size between what was shown before and after, and a canary's where there are none
    ('target.sizeBytes', {'less'}, {'drive-opened'}),
    ('verification.canaries.blockBytes', {'more', 'less', 'double'}, {'drive-adopted'}),
    # where each surface states its own block size, the largest of them is no claim of its own
    ('verification.canaries.blockBytes', NUMBERS - {'zero'}, {'drive-blocks-of-two-sizes'}),
    # nobody has to know how large the drive says that it is
    ('target.drive.capacityBytes', {'null', 'gone', 'zero'}, {'cut', 'cut-opened'}),
    # the same thing said twice, or more things that could not be read than were canaries or samples
    ('result.exceptions', {'doubled'}, None),
    ('volumes.*.locations', {'doubled'}, None),
    # a backup that nobody declared is nowhere
    ('volumes.*.locations', {'first', 'shorter'}, {'backup'}),
    ('volumes.*.locations.*.negativeControls', {'doubled'}, None),
    ('volumes.*.locations.0.header.segments', {'doubled'}, None),
    ('verification.unreadableStatuses.*.count', {'more', 'double'}, None),
    # areas that failed may be more than are listed
    ('verification.readFaults.count', {'more', 'double', 'huge'}, {'read-fault'}),
    # free pages are in no swap, and what is never swapped may be said to be swappable
    ('target.facts.swappable', {'false'}, {'sweep', 'pool'}),
    ('target.facts.swappable', {'true'}, NEVER_SWAPPED),
    # a credential that was not asked after is no claim
    ('volumes.*.credential.openedBefore', {'null', 'gone'}, None),
    ('volumes.*.credential.refusedAfter', {'null', 'gone'}, None),
    ('volumes.*.credential.declared', {'true'}, {'no-credential', 'gone'}),
    # nor does anything rest on the machine itself then
    ('target.facts.machine', {'null', 'gone', 'object'}, {'noswap', 'ramfs-file'}),
    # fewer pages than were written, a control that is asked twice, or one that no rule names
    ('target.facts.residentBytes', {'less', 'zero'}, None),
    ('sanitization.negativeControls', {'doubled'}, None),
    ('sanitization.negativeControls', {'list', 'first', 'shorter', 'null', 'gone'}, ANY_CONTROLS),
    ('sanitization.negativeControls.*.name', {'text'}, ANY_CONTROLS),
    # how a part is read back, or a state looked at, has no fixed name; what is not freed is not
    ('verification.method', {'text'}, FREED | {'sweep', 'pool', 'segment'}),
    ('target.facts.contentFreed', {'null', 'gone'}, {'area'}),
    # a page more that was written, a byte more or less that was free, one less that was taken
    ('sanitization.passes.*.bytesWritten', {'more'}, {'sweep'}),
    ('sanitization.sweep.freeBytes', {'more', 'less'}, {'sweep'}),
    ('sanitization.sweep.takenBytes', {'less'}, {'sweep'}),
    ('sanitization.sweep.passes', NUMBERS - {'zero'}, None),
    # keys that are long enough, and areas that lie within what was overwritten
    ('volumes.*.locations.0.header.keyBytes', {'more', 'less', 'double', 'huge'}, None),
    ('volumes.*.locations.0.header.keyslots.*.area.offset', {'more', 'less', 'double', 'zero'},
     None),
    ]
HUGE = 2 ** 64 - 1
MANY = 64  # of longer lists some items are looked at
BATCH = 2000  # records that stand in memory at once
SEVERAL = 16  # one of so many broken fields, and one of each kind


def places_named(value, steps):
    """The places that a path of FIELDS names in this record."""
    if not steps:
        yield []
        return
    first, *rest = steps
    if isinstance(value, list):
        numbers = [int(first)] if first != '*' else range(len(value)) if len(value) <= MANY else (
            0, 1, len(value) - 1)
        for number in numbers:
            if number < len(value):
                yield from ([number] + more for more in places_named(value[number], rest))
    elif isinstance(value, dict) and first in value:
        yield from ([first] + more for more in places_named(value[first], rest))


def broken(value):
    """Other values, each with a name."""
    others = {'null': None, 'text': 'x', 'empty': '', 'object': {}, 'list': [], 'one': [1],
              'negative': -1, 'huge': HUGE, 'true': True, 'false': False, 'float': 0.5}
    if type(value) is int:
        others.update(more=value + 1, less=value - 1, zero=0, double=2 * value)
    if type(value) is list and value:
        others.update(first=value[:1], shorter=value[:-1], doubled=value + copy.deepcopy(value))
    return {name: other for name, other in others.items()
            if other != value or type(other) is not type(value)}


def records():
    """(kind, name, record) of every honest record that claims success."""
    for kind in ('drive', 'media', 'memory', 'example'):
        yield kind, kind, predicate_of(kind)
    for module in (drive, memory, target, read, volumes):
        for name, (kind, honest) in module.HONEST.items():
            if name.startswith('cipher-'):  # they differ in that one word
                continue
            record = made(predicate_of(kind), honest)
            if record['result']['status'].startswith('sanitized') and \
                    record['schemaVersion'] == '1.2.0':
                yield kind, name, record


def is_of_swap(path, name):
    """A look at swap, on which nothing rests where the kernel never swaps; of an area the pool of
    zswap counts."""
    looks = path.startswith(('target.facts.swapAfter', 'target.facts.machine.swap'))
    area = name.startswith('area') and path in (
        'target.facts.machine.swap', 'target.facts.machine.swap.zswapBytes')
    return looks and not area


def cases():
    sample = Sample(SEVERAL)
    for kind, name, spoil in reasons.ALL:
        record = predicate_of(kind)
        spoil(record)
        yield 'reasons', name, 'a reason', 'spoilt', record
    for kind, name, record in records():
        for path in FIELDS[kind].split():
            if path.startswith('+') and record['result']['level'] == 'none':
                continue
            path = path.lstrip('+')
            if name in NEVER_SWAPPED and is_of_swap(path, name):
                continue
            for place in places_named(record, path.split('.')):
                words = '.'.join(str(step) for step in place)
                if type(place[-1]) is str and sample.has((kind, path, 'gone')):
                    yield path, name, words, 'gone', changed(record, place, gone=True)
                for how, other in broken(at(record, place)).items():
                    if sample.has((kind, path, how)):
                        yield path, name, words, how, changed(record, place, other)


def is_harmless(path, name, how):
    return any(path == known and how in ways and (names is None or name in names)
               for known, ways, names in HARMLESS)


def run(helper, folder, claims_made=()):
    """How many were refused or are harmless, and what is wrong. `claims_made`: further (what, name,
    place, how, record), "honest" for those that must be accepted."""
    counts, problems = {'refused': 0, 'harmless': 0}, []
    waiting = itertools.chain(claims_made, cases())
    while batch := list(itertools.islice(waiting, BATCH)):
        library = library_says(helper, folder, [record for *_, record in batch], '--judge')
        for (path, name, words, how, record), said in zip(batch, library):
            here = judge_here(record)
            if how != 'honest':
                counts['harmless' if here else 'refused'] += 1
            if here != (said == 'ok'):
                problems.append(f'the judges differ: {name} {words} {how}: library: {said}')
            elif how == 'honest':
                problems += [] if here else [f'an honest record is refused: {name}: {said}']
            elif here and not is_harmless(path, name, how):
                problems.append(f'nobody minds: {name} {words} {how}')
    return counts, problems
