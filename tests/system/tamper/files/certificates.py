# SPDX-License-Identifier: Apache-2.0
"""Certificates with odd extensions, issued by the trusted root, and a signature of which every
element was changed: what the library (make_bundle --signature) and the modules of
scripts/verify-bundle say of them is the same."""
import contextlib
import io
import os
import pathlib
import shutil
import subprocess
import time

from sample import Sample, todays
from tamper.der import Node, head
from tamper.files import signatures
from tamper.stock import DATA, stock

CMS = DATA / 'cms'
CERTIFICATES_OF = 6  # one of so many a day, and one of each extension, when time is short
ELEMENTS_OF = 10  # one of so many changed elements, and one of each change
ARC = '2.25.65021332812177502488472365777237670439.'
SUBJECT = '/O=Example Cloud GmbH/OU=DC1-FRA/CN=station-0042'
GOOD = {'basicConstraints': 'critical,CA:FALSE', 'keyUsage': 'critical,digitalSignature',
        'subjectKeyIdentifier': 'hash', 'authorityKeyIdentifier': 'keyid:always',
        'certificatePolicies': ARC + '1'}
NOTICE = '''
[notice]
policyIdentifier=1.3.6.1.4.1.99999.1
userNotice.1=@text
[text]
explicitText="Policy: %s1"
''' % ARC
CPS = '''
[notice]
policyIdentifier=%s1
CPS.1=https://example.org/Policy:%s4
''' % (ARC, ARC)
# What each extension may be instead; 0x are the bytes of its value.
ODD = {
    'basicConstraints': [None, 'CA:FALSE', 'critical,CA:TRUE', 'critical,CA:TRUE,pathlen:0',
                         '0x3003010100', '0x3003010101', '0x30030101ff', '0x300000', '0x0400',
                         '0x30800000', '0x3003020100', '0x3006010100020100', '0x3081'],
    'keyUsage': [None, 'critical,nonRepudiation', 'nonRepudiation,digitalSignature',
                 'critical,keyCertSign,digitalSignature', 'keyAgreement', '0x03020780', '0x03020880',
                 '0x03020080', '0x03020781', '0x030100', '0x0300', '0x03020680', '0x0303078000',
                 '0x2304030207ff', '0x0402ff80', '0x0302078000', '0x0303070080', '0x03020700'],
    'extendedKeyUsage': ['emailProtection', 'serverAuth', 'anyExtendedKeyUsage', 'codeSigning',
                         'serverAuth,emailProtection', 'critical,serverAuth',
                         'critical,emailProtection', 'timeStamping', '1.3.6.1.5.5.7.3.36',
                         '0x3000', '0x0400', '0x300a06082b0601050507030400'],
    'certificatePolicies': [None, ARC + '2', ARC + '3', ARC + '4', ARC + '5', ARC + '1.1',
                            f'{ARC}1,{ARC}4', f'{ARC}4,{ARC}2', f'{ARC}1,1.2.3.4', '1.2.3.4',
                            'critical,' + ARC + '1', '@notice', 'notice' + NOTICE, 'cps' + CPS,
                            '0x3000', '0x0400', '0x30020500', '0x3004300206', '0x30023000'],
    'subjectKeyIdentifier': [None, '0x0400', '0x0500'],
    'authorityKeyIdentifier': [None, '0x3000', '0x0400'],
    '1.2.3.4': ['ASN1:UTF8String:Policy: ' + ARC + '1', 'critical,ASN1:UTF8String:must know',
                '0x05', 'ASN1:BOOLEAN:TRUE'],
    'nsCertType': ['objsign', 'sslCA', 'email', 'sslCA,emailCA,objCA'],
    'nameConstraints': ['critical,permitted;DNS:example.org', '0x3000'],
    'policyConstraints': ['requireExplicitPolicy:0', 'critical,inhibitPolicyMapping:0'],
    'subjectAltName': ['email:copy@example.org', '0x3000', 'critical,DNS:Policy'],
}
# Two at once, where one could make up for the other.
PAIRS = [{'basicConstraints': None, 'keyUsage': 'critical,keyCertSign'},
         {'basicConstraints': None, 'keyUsage': 'keyCertSign,digitalSignature'},
         {'basicConstraints': None, 'nsCertType': 'sslCA'},
         {'basicConstraints': None, 'keyUsage': None, 'nsCertType': 'sslCA,emailCA,objCA'},
         {'keyUsage': None, 'extendedKeyUsage': 'emailProtection'},
         {'certificatePolicies': None, '1.2.3.4': 'ASN1:UTF8String:' + ARC + '1'}]
SUBJECTS = ['/CN=station-0042', '/O=Example Cloud GmbH/CN=station-0042/CN=other',
            '/O=A/O=B/OU=DC1-FRA/CN=station-0042', '/O=Büro/OU=Straße/CN=Jörg',
            '/O=Example Cloud GmbH/OU=DC1-FRA/OU=DC2/CN=station-0042', '/O=A+OU=B/CN=C',
            '/O=Example Cloud GmbH/OU=DC1-FRA']


def lines_of(extensions):
    """As of a section of openssl's configuration, and the sections that it needs."""
    lines, sections = [], ''
    for name, value in extensions.items():
        if value is None:
            continue
        value, _, section = value.partition('\n')
        if section:
            value, sections = '@notice', sections + '\n' + section
        elif value.startswith('0x'):
            digits = value[2:]
            value = 'DER:' + ':'.join(digits[i:i + 2] for i in range(0, len(digits), 2))
        lines.append(f'{name}={value}')
    return '\n'.join(lines) + sections + '\n'


def certificates():
    """(name, extensions, subject)"""
    yield 'honest', GOOD, SUBJECT
    for name, values in ODD.items():
        for value in values:
            short = value and value.partition('\n')[0]
            yield f'{name}={short}', {**GOOD, name: value}, SUBJECT
    for pair in PAIRS:
        yield str(pair), {**GOOD, **pair}, SUBJECT
    for subject in SUBJECTS:
        yield subject, GOOD, subject


def openssl(*arguments):
    return subprocess.run(['openssl', *map(str, arguments)], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL).returncode == 0


def new_key(folder, name):
    assert openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out',
                   folder / (name + '.key'))


def new_root(folder):
    """Good as of today, whenever that is."""
    new_key(folder, 'root')
    assert openssl('req', '-x509', '-new', '-key', folder / 'root.key', '-subj', '/CN=root',
                   '-sha256', '-days', '90', '-out', folder / 'root.pem', '-addext',
                   'keyUsage=critical,keyCertSign,cRLSign')


def issue(folder, extensions, subject, days, key='leaf'):
    """Whether openssl can make such a certificate at all."""
    config, request = folder / 'x.cnf', folder / 'x.csr'
    config.write_text(lines_of(extensions))
    return (openssl('req', '-new', '-utf8', '-key', folder / (key + '.key'), '-subj', subject,
                    '-multivalue-rdn', '-out', request) and
            openssl('x509', '-req', '-in', request, '-CA', folder / 'root.pem', '-CAkey',
                    folder / 'root.key', '-CAcreateserial', '-CAserial', folder / 'serial', '-sha256',
                    '-extfile', config, '-days', days, '-out', folder / (key + '.pem')))


def sign(folder, number, key='leaf', beside=None):
    """`beside`: the name of a signature that this one is added to."""
    how = ['-resign', '-inform', 'DER', '-in', folder / (beside + '.p7s')] if beside else \
        ['-sign', '-in', folder / number]
    return openssl('cms', *how, '-binary', '-cades', '-signer', folder / (key + '.pem'), '-inkey',
                   folder / (key + '.key'), '-md', 'sha256', '-outform', 'DER', '-out',
                   folder / (number + '.p7s'), *(['-content', folder / number] if beside else []))


def flipped(node, place):
    content = bytearray(node.content)
    content[place] ^= 1
    return head(node.tag, len(content)) + bytes(content)


SHA256 = bytes.fromhex('0609608648016503040201')
CHANGES = {
    'gone': lambda node: b'',
    'twice': lambda node: 2 * node.bytes(),
    'empty': lambda node: head(node.tag, 0),
    'other tag': lambda node: head(node.tag ^ 1, len(node.content)) + node.content,
    'other class': lambda node: head(node.tag ^ 0x80, len(node.content)) + node.content,
    'other form': lambda node: head(node.tag ^ 0x20, len(node.content)) + node.content,
    'long length': lambda node: bytes([node.tag, 0x84]) + len(node.content).to_bytes(4, 'big') +
    node.content,
    'no length': lambda node: bytes([node.tag, 0x80]) + node.content + bytes(2),
    'too long': lambda node: head(node.tag, len(node.content) + 1) + node.content,
    'more inside': lambda node: head(node.tag, len(node.content) + 2) + node.content + b'\5\0',
    'first bit': lambda node: flipped(node, 0) if node.content else b'\5\0',
    'last bit': lambda node: flipped(node, -1) if node.content else b'\5\0',
}


def mutants(signature):
    tree = Node(signature)
    assert tree.bytes() == signature
    for number, node in enumerate(tree.all()):
        for how, change in CHANGES.items():
            # RFC 5754 section 2 leaves both forms.
            free = node.content == SHA256 and how == 'more inside'
            what = 'digest parameters of element' if free else 'element'
            yield f'{what} {number} ({node.tag:02x}) {how}', tree.bytes(node, change)


def script_says(name, root):
    """As the library says it; working folder: where NAME and NAME.p7s are."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            signature = stock('signature.cms').Signature(name, pathlib.Path(name).read_bytes(),
                                               pathlib.Path(name + '.p7s').read_bytes())
            signature.check_chains('chain', root, stock('signature.revocation').Revocations(None, root))
    except Exception as error:  # pylint: disable=broad-except  # as __main__.py: refused
        return f'{type(error).__name__}: {error}'
    return 'ok' + ''.join(
        f' {one.role or "none"} {one.key} ' + '|'.join(part or '' for part in one.named)
        for one in signature.signers)


def compare(helper, root, names, counts):
    """names: {number: what it is}"""
    problems = []
    told = subprocess.run([helper, '--signature', root, *names], check=True, capture_output=True,
                          text=True).stdout.splitlines()
    assert len(told) == len(names)
    for (number, what), library in zip(names.items(), told):
        script = script_says(number, root)
        accepted = library.startswith('ok')
        counts['accepted' if accepted else 'refused'] += 1
        if accepted != script.startswith('ok') or (accepted and library != script):
            problems.append(f'{what}: the library says "{library}", the script "{script}"')
        elif accepted and what.startswith(('element', 'odd')):
            problems.append(f'{what}: accepted by both')
        elif not accepted and what.startswith('good'):
            problems.append(f'{what}: refused by both: {library}, {script}')
    return problems


def made_certificates(folder, content):
    names, not_made = {}, []
    rows = [(*row, '30') for row in todays(certificates(), CERTIFICATES_OF,
                                           lambda row: row[0].partition('=')[0])] + [('expired', GOOD, SUBJECT, '-1'),
                                                       ('version 1', {}, SUBJECT, '30')]
    new_root(folder)
    new_key(folder, 'leaf')
    for number, (what, extensions, subject, days) in enumerate(rows):
        number = f'c{number}'
        shutil.copy(content, folder / number)
        if issue(folder, extensions, subject, days) and sign(folder, number):
            names[number] = what
        else:
            not_made.append(what)
    return names, not_made


def made_pairs(folder, content):
    """Two signers, at two times: each is judged as of its own."""
    names = {}
    new_key(folder, 'second')
    assert issue(folder, GOOD, SUBJECT, '30')
    for name in ('first', 'later'):
        shutil.copy(content, folder / name)
    assert sign(folder, 'first')
    time.sleep(1.1)  # times of signatures are whole seconds
    for what, days in (('honest', '30'), ('expired', '-1')):
        assert issue(folder, {**GOOD, 'certificatePolicies': ARC + '3'}, '/CN=witness', days,
                     'second')
        number = 'pair-' + what
        shutil.copy(content, folder / number)
        assert sign(folder, number, 'second', 'first')
        names[number] = 'a second signer, ' + what
    return names


def made_forms(folder, content):
    """Put together by hand."""
    names = {}
    assert issue(folder, GOOD, SUBJECT, '30') and issue(folder, GOOD, SUBJECT, '30', 'second')
    for number, (what, signature) in enumerate(signatures.made(folder, content.read_bytes())):
        number = f'f{number}'
        shutil.copy(content, folder / number)
        (folder / (number + '.p7s')).write_bytes(signature)
        names[number] = what
    return names


def made_mutants(folder, content, signature, prefix, names):
    sample = Sample(ELEMENTS_OF)
    for number, (what, data) in enumerate(mutants(signature)):
        words, _, how = what.partition(') ')
        if data != signature and sample.has((how, words.startswith('digest'))):
            number = f'{prefix}{number}'
            os.link(content, folder / number)
            (folder / (number + '.p7s')).write_bytes(data)
            names[number] = what


def run(helper, good):
    """`good`: a folder with keys/ and bundle/. (counts, problems)"""
    folder, content = good / 'certificates', good / 'bundle/certificate.json'
    folder.mkdir()
    made, not_made = made_certificates(folder, content)
    made |= made_pairs(folder, content)
    forms = made_forms(folder, content)
    stored, changed = {}, {}
    for path in CMS.glob('*.p7s'):
        shutil.copy(CMS / 'content', folder / path.stem)
        shutil.copy(path, folder / path.name)
        stored[path.stem] = path.stem
    for path in [CMS / 'rsa3072.p7s', CMS / 'good.p7s'] if os.environ.get('EFFACE_LONG') else []:
        made_mutants(folder, folder / path.stem, path.read_bytes(), path.stem + '-', stored)
    made_mutants(folder, content, content.with_suffix('.json.p7s').read_bytes(), 'm', changed)
    counts, problems = {'accepted': 0, 'refused': 0, 'not made': len(not_made)}, []
    before = os.getcwd()
    try:
        os.chdir(folder)
        for root, names, least in ((folder / 'root.pem', made, len(made) // 3),
                                   (folder / 'root.pem', forms, 1), (CMS / 'root.pem', stored, 5),
                                   (good / 'keys/root.pem', changed, 1)):
            earlier = counts['accepted']
            problems += compare(helper, root, names, counts)
            if counts['accepted'] < earlier + least:
                problems.append(f'too few are accepted: {counts}, not made: {not_made}')
    finally:
        os.chdir(before)
    return counts, problems
