# SPDX-License-Identifier: Apache-2.0
"""Claims about LUKS volumes whose keys may stand somewhere still, or whose payload may be readable.

Each is signed and logged by those who hold the keys: only the rules stand against it.
"""
import copy

from tamper.edits import after, named, put
from tamper.claims.target import VIRTUAL

MIB = 1 << 20
NULL_OR_ECB = '''cipher_null-ecb cipher_null-cbc-plain CIPHER_NULL-ECB Cipher_Null aes-ecb AES-ECB aes-Ecb
    aes-ecb-plain64 serpent-ecb-null null null-xts-plain64 capi:ecb(aes)-plain64 CAPI:ECB(AES)-null
    capi:ecb(cipher_null)-null capi:cbc(cipher_null)-essiv:sha256 capi:ecb(aes) capi:null
    capi:xts(ecb(aes))-plain64 capi:authenc(hmac(sha256),ecb(aes))-random aes:64-ecb-lmk - :'''.split()
GOOD_CIPHERS = '''aes-xts-plain64 aes-cbc-essiv:sha256 aes-cbc-null serpent-xts-plain64
    capi:xts(aes)-plain64 capi:cbc(aes)-essiv:sha256 capi:authenc(hmac(sha256),xts(aes))-random
    aes-xts-random twofish-xts-plain64 aes:64-cbc-lmk xchacha12,aes-adiantum-plain64'''.split()


def volume(p):
    return p['volumes'][0]


def place(p):
    return volume(p)['locations'][0]


def header(p):
    return place(p)['header']


def sample(**figures):
    return lambda p: volume(p)['payloadSample'].update(figures)


def regions(p, *spans):
    place(p)['regions'] = [{'offset': start, 'length': end - start} for start, end in spans]
    total = sum(end - start for start, end in spans)
    place(p)['overwrite']['bytesWritten'] = place(p)['verification']['bytesCompared'] = total


def control(name, result):
    """A control with another result, or none."""
    def change(p):
        controls = place(p)['negativeControls']
        found = next(each for each in controls if each['name'] == name)
        if result is None:
            controls.remove(found)
        else:
            found['result'] = result
    return change


def level(p, name):
    volume(p)['level'] = p['result']['level'] = p['sanitization']['method'] = name


def status(p, name, *codes):
    volume(p)['status'] = p['result']['status'] = name
    volume(p)['exceptions'] = [named('it is named', code)[0] for code in codes]


def far_payload(p):
    """An honest record of a payload far behind its header: all of the gap is overwritten."""
    place(p)['identity']['sizeBytes'] = 4096 * MIB
    header(p)['dataOffset'] = 1024 * MIB
    for each in header(p)['copies']:
        each['dataOffset'] = 1024 * MIB
    regions(p, (0, 512 * MIB), (512 * MIB, 1024 * MIB))


def backup(p):
    """An honest record of a header backup beside the header."""
    other = copy.deepcopy(place(p))
    other.update(role='header-backup', identity=dict(other['identity'], sizeBytes=16 * MIB))
    volume(p)['locations'].append(other)


def no_credential(p):
    """An honest record without a credential to try."""
    volume(p)['credential'] = {'declared': False, 'openedBefore': None, 'refusedAfter': None}
    control('credential-refused', None)(p)


def not_asked(p):
    """An honest record of a credential that could not be tried afterwards."""
    volume(p)['credential']['refusedAfter'] = None
    control('credential-refused', None)(p)


def flash(p):
    """An honest record of key material on flash: clear at most."""
    volume(p)['eligibility']['objections'] = named('flash keeps copies', 'flash')
    level(p, 'clear')


def doubts(p):
    """An honest record of key material whose places are not known for sure: no level."""
    place(p)['regionReasons'] = ['a key slot lies behind the payload']
    level(p, 'none')


def gone(p):
    """An honest record of a volume that its owner declares gone."""
    no_credential(p)
    volume(p).update(locations=[], alreadyGone=True)
    status(p, 'sanitized-with-exceptions', 'declared-gone')
    level(p, 'none')


def cipher(text, *more):
    def change(p):
        header(p)['segments'] = [dict(header(p)['segments'][0], index=index, encryption=each)
                                 for index, each in enumerate((text, *more))]
    return change


def virtual(p):
    """An honest record of a volume on a virtual disk: cleared, and no more."""
    place(p)['layersBelow'].append({'name': 'sda', 'type': 'disk', 'note': VIRTUAL})
    volume(p)['eligibility']['objections'] = [
        {'code': 'virtual-disk', 'text': 'copies may be anywhere'}]
    level(p, 'clear')


HONEST = {name: ('example', change) for name, change in {
    'far-payload': far_payload, 'backup': backup, 'no-credential': no_credential,
    'not-asked': not_asked, 'flash': flash, 'virtual': virtual, 'doubts': doubts, 'gone': gone,
    'all-like-ciphertext': sample(ciphertextLike=301, zero=0),
    'a-tenth-unreadable': sample(ciphertextLike=271, zero=0, unreadable=30)}.items()}
HONEST.update({'cipher-' + text: ('example', cipher(text)) for text in GOOD_CIPHERS
               if text != 'aes-xts-plain64'})

CLAIMS = {
    'regions-overlap': lambda p: regions(p, (0, 16 * MIB), (8 * MIB, 16 * MIB)),
    'region-behind-the-device': lambda p: regions(p, (0, 65 * MIB)),
    'nothing-sampled': sample(piecesSampled=0, ciphertextLike=0, zero=0),
    'all-zero': sample(ciphertextLike=0, zero=301),
    'all-unreadable': sample(ciphertextLike=0, zero=0, unreadable=301),
    'many-unreadable': sample(ciphertextLike=270, zero=0, unreadable=31),
    'structured': sample(structured=1, ciphertextLike=280),
    'sample-not-summed': sample(zero=0), 'more-sampled-than-there-is': sample(piecesTotal=300),
    'no-sample': put('volumes.0.payloadSample', None),
    'doubts': after(doubts, lambda p: level(p, 'purge')),
    'virtual-purged': after(virtual, lambda p: (
        volume(p)['eligibility'].update(objections=[]), level(p, 'purge'))),
    'doubts-clear': after(doubts, lambda p: level(p, 'clear')),
    'doubts-in-a-backup': after(backup, lambda p: volume(p)['locations'][1].update(
        regionReasons=['it is damaged'])),
    'no-segment': lambda p: header(p).update(segments=[]),
    'linear-segment': lambda p: header(p)['segments'][0].update(type='linear'),
    'header-not-intact': lambda p: header(p).update(intact=False),
    'short-key': lambda p: header(p).update(keyBytes=8),
    'no-header': lambda p: place(p).update(header=None),
    'not-eligible': lambda p: volume(p)['eligibility'].update(eligible=False),
    'objection': lambda p: volume(p)['eligibility'].update(
        objections=named('it is damaged', 'damaged-header')),
    'objection-clear': lambda p: (level(p, 'clear'), volume(p)['eligibility'].update(
        objections=named('nobody sampled', 'payload-not-sampled'))),
    'flash-purge': after(flash, lambda p: level(p, 'purge')),
    'no-statement': lambda p: p['authorization'].pop('attestation'),
    'encrypted-later': put('authorization.attestation.encryptedSinceFirstUse', False),
    'other-copies': put('authorization.attestation.allKeyCopiesDeclared', False),
    'gap-left': lambda p: regions(p, (0, 8 * MIB)),
    'gap-in-the-middle': lambda p: regions(p, (0, 4 * MIB), (8 * MIB, 16 * MIB)),
    'first-block-left': lambda p: regions(p, (4096, 16 * MIB)),
    'last-block-left': lambda p: regions(p, (0, 16 * MIB - 4096)),
    'far-gap-left': after(far_payload, lambda p: regions(p, (0, 136 * MIB))),
    'copy-says-further': lambda p: header(p)['copies'][1].update(dataOffset=32 * MIB),
    'area-behind': lambda p: header(p)['keyslots'][0]['area'].update(offset=32 * MIB),
    'region-beyond-any-medium': lambda p: (
        place(p)['regions'].append({'offset': 2 ** 64 - 4096, 'length': 8192}),
        place(p)['overwrite'].update(bytesWritten=16 * MIB + 8192),
        place(p)['verification'].update(bytesCompared=16 * MIB + 8192)),
    'nothing-overwritten': lambda p: regions(p),
    'backup-left': after(backup, lambda p: volume(p)['locations'][1]['identity'].update(
        sizeBytes=17 * MIB)),
    'refused-not-asked': after(not_asked, lambda p: volume(p)['credential'].update(
        refusedAfter=True)),
    'refused-asked-here-only': after(backup, lambda p: volume(p)['locations'][1].update(
        negativeControls=volume(p)['locations'][1]['negativeControls'][:3] + volume(p)[
            'locations'][1]['negativeControls'][4:])),
    'opens-after': lambda p: volume(p)['credential'].update(refusedAfter=False),
    'did-not-open': lambda p: volume(p)['credential'].update(openedBefore=False),
    'tried-undeclared': lambda p: volume(p)['credential'].update(declared=False),
    'refused-of-nothing': after(no_credential, lambda p: volume(p)['credential'].update(
        refusedAfter=True)),
    'gone-looked-at': lambda p: (volume(p).update(alreadyGone=True), level(p, 'none'),
                                 status(p, 'sanitized-with-exceptions', 'declared-gone')),
    'gone-unnamed': after(gone, lambda p: status(p, 'sanitized-with-exceptions', 'stopped')),
    'gone-plain': after(gone, lambda p: status(p, 'sanitized')),
    'gone-with-level': lambda p: volume(p).update(alreadyGone=True),
}
CLAIMS.update({f'{name}-{result}': control(name, result)
               for name in ('no-magic', 'crypt-load', 'libblkid', 'no-mapping')
               for result in (None, 'unknown', 'fail')})
CLAIMS.update({f'credential-{result}': control('credential-refused', result)
               for result in (None, 'unknown', 'fail')})
CLAIMS.update({'cipher-' + text.replace('/', '_'): cipher(text) for text in NULL_OR_ECB})
CLAIMS['second-cipher'] = cipher('aes-xts-plain64', 'aes-ecb')


def no_header(p, end):
    """A place without a readable header: what is overwritten at least is known all the same."""
    place(p)['header'] = None
    regions(p, *([(0, end)] if end else []))
    level(p, 'none')


def gone_with_backup(p):
    """Its owner declares it gone, and a backup of its header is destroyed."""
    volume(p)['alreadyGone'] = True
    place(p).update(role='header-backup', identity=dict(place(p)['identity'], sizeBytes=16 * MIB))
    status(p, 'sanitized-with-exceptions', 'declared-gone')


CLAIMS.update({
    'gone-backup-level': gone_with_backup,
    'other-policy': put('authorization.policyId', 'cryptographic-erase'),
    'control-invented': lambda p: place(p)['negativeControls'].append(
        {'name': 'weather', 'result': 'pass', 'detail': ''}),
    'half-a-header': lambda p: no_header(p, 2048), 'no-header-no-region': lambda p: no_header(p, 0),
    'header-says-further': lambda p: header(p).update(dataOffset=32 * MIB, copies=None),
    'cipher-des': cipher('des-cbc-plain'), 'cipher-null-mode': cipher('capi:null(aes)-plain64'),
    'cipher-null-of-aes': cipher('capi:cipher_null(aes)-plain64'),
    'fifteen-bytes': after(cipher('aes-cbc-essiv:sha256'), lambda p: header(p).update(keyBytes=15)),
    'half-of-two-keys': lambda p: header(p).update(keyBytes=31),
})
CLAIMS.update({'place-' + path: put('volumes.0.locations.0.' + path, value) for path, value in {
    'overwrite.writeFaults': 1, 'overwrite.flushError': 'EIO', 
    'verification.result': 'fail', 'verification.mismatches': 1,
    'verification.readFaults': 1}.items()})


def old(change):
    """The same claim in the shape of record 1.0.0: what needs no new field is refused there, too."""
    def both(p):
        p['schemaVersion'], p['tool']['version'] = '1.0.0', '0.1.0'
        for key in ('reasons', 'exceptions', 'residualRisks'):
            volume(p)[key] = []
        volume(p)['eligibility']['objections'] = []
        change(p)
    return both


OLD = ('nothing-sampled', 'all-zero', 'doubts-in-a-backup', 'gap-left', 'far-gap-left', 'no-segment',
       'linear-segment', 'header-not-intact', 'short-key', 'no-statement', 'cipher-aes-ecb',
       'cipher-capi:ecb(aes)-plain64', 'libblkid-None', 'nothing-overwritten')
CLAIMS.update({name + '-1.0.0': old(CLAIMS[name]) for name in OLD})
HONEST['volumes-1.0.0'] = ('example', old(lambda p: None))
INSIDERS = [('example', 'volume-' + name, change) for name, change in CLAIMS.items()]
