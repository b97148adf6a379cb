# SPDX-License-Identifier: Apache-2.0
"""Keys wherever they are: files with a passphrase, a token, a TPM. Each approves an order on its own
machine, with nothing but the order, the key and its certificate; stock openssl and both verifiers
accept the result. Then every way to get an approval that one should not have."""

import json
import os
import re
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib"),
                str(Path(__file__).parents[1] / "erase")]

# pylint: disable=wrong-import-position
import cases
import holders
import project
import targets
from cases import MACHINE, enter_scratch
from process import missing, require, run

TOP = Path(__file__).parents[3]
EXIT = project.EXIT
PASSPHRASE = "three random words"
FILE_BYTES = 1 << 20


def setUpModule():
    enter_scratch()
    MACHINE["state"] = project.State(MACHINE["folder"] / "state")
    MACHINE["token"] = holders.Token(MACHINE["folder"] / "token")


def passphrase_file(folder, text=PASSPHRASE, name="passphrase"):
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


class Case(cases.Case):
    """`self.away`: the folder of a person's own machine, which has no state folder."""

    def setUp(self):
        super().setUp()
        self.away = self.folder / "away"
        self.away.mkdir()
        self.token = MACHINE["token"]
        self.people = self.state.folder / "keys/people"

    def order(self, name):
        disk = self.folder / f"{name}.img"
        targets.fill_with_marks(disk, FILE_BYTES)
        return targets.write_order(self.state, self.folder, targets.order(
            [targets.target(disk)], id=name), approved=False, name=f"{name}.json")

    def on_own_machine(self, *arguments, environment=None, **options):
        """efface where nobody ever ran it."""
        return run(self.state.efface, "--state-dir", self.away / "none", *arguments,
                   env=environment or os.environ, **options)

    def person(self, name, uri, environment=None, role="approver", held="hardware"):
        """Asks for a certificate and gets it; returns it."""
        request = self.away / f"{name}.csr"
        secret = passphrase_file(self.away, self.token.pin, "pin")
        done = self.on_own_machine("keys", "request", name, "--key", uri, "--output", request,
                                   "--passphrase", f"file:{secret}", environment=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        require("openssl", "req", "-in", request, "-verify", "-noout")
        self.state.require("keys", "issue", name, "--role", role, "--request", request, "--held",
                           held)
        return self.people / f"{name}.pem"

    def approve_away(self, order, uri, certificate, *more, environment=None):
        secret = passphrase_file(self.away, self.token.pin, "pin")
        return self.on_own_machine("approve", order, "--key", uri, "--certificate", certificate,
                                   "--passphrase", f"file:{secret}", *more,
                                   environment=environment)

    def check_approvals(self, order, count):
        """By openssl: that many signatures, all below the root."""
        signers = self.folder / "signers.pem"
        require("openssl", "cms", "-verify", "-cades", "-binary", "-purpose", "any", "-inform", "DER",
                "-in", f"{order}.p7s", "-content", order, "-CAfile",
                self.state.folder / "keys/root.pem", "-signer", signers, "-out", "/dev/null")
        self.assertEqual(signers.read_text().count("BEGIN CERTIFICATE"), count)

    def refused(self, done, code, reason):
        """With its code, and without an approval: `--json` is the last of the line."""
        error = json.loads(done.stdout)["error"]
        self.assertEqual((done.returncode, error["code"]), (EXIT[code], reason), done)
        self.assertTrue(error["hint"], done)


class Kinds(Case):
    """Every place where a key may be."""

    def whole(self, name, uri, environment=None):
        """A request, a certificate, an approval away from the station, a run, both verifiers."""
        certificate = self.person(name, uri, environment)
        order = self.order(f"order-{name}")
        done = self.approve_away(order, uri, certificate, environment=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = done.stderr.decode() + done.stdout.decode()
        for told in (f"order-{name}", "Example", str(self.folder / f"order-{name}.img"), "level"):
            self.assertIn(told, shown)
        again = self.approve_away(order, uri, certificate, environment=environment)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("has already approved", again.stdout.decode())
        self.check_approvals(order, 1)
        self.state.approve(order, ["bob"])
        self.check_approvals(order, 2)
        code, document, _ = targets.erase(self.state, order)
        self.assertEqual(code, 0, document)
        bundle = document["targets"][0]["bundle"]
        trust = self.folder / "trust.json"
        self.state.require("keys", "export-trust", "--output", trust)
        for verifier in ((self.state.efface, "verify", bundle, "--trust", trust),
                         (TOP / "scripts/verify-bundle", bundle, "--trust", trust)):
            asked = run(*verifier)
            self.assertEqual(asked.returncode, 0, asked.stdout + asked.stderr)
        return bundle

    def test_a_card_with_an_elliptic_key(self):
        self.whole("erin", self.token.make_key("erin"), self.token.environment)
        listed = json.loads(self.state.require("keys", "list", "--json").stdout)["keys"]
        (row,) = [row for row in listed if row["name"] == "erin"]
        self.assertEqual((row["keyHeld"], row["keyIsHere"], row["state"]),
                         ("hardware", False, "valid"))

    def test_a_card_with_an_rsa_key(self):
        self.whole("rosa", self.token.make_key("rosa", "RSA:3072"), self.token.environment)

    def test_a_card_whose_pin_is_in_a_file(self):
        self.token.make_key("pia")
        secret = passphrase_file(self.folder, self.token.pin, "pin-of-pia")
        self.whole("pia", self.token.uri("pia", f"&pin-source=file:{secret}"),
                   self.token.environment)

    def test_a_tpm(self):
        if missing(*holders.TPM_TOOLS) or not holders.has_tpm_provider():
            self.skipTest("no swtpm, tpm2-tools or tpm2-openssl")
        tpm = holders.Tpm(self.folder / "tpm")
        self.addCleanup(tpm.close)
        self.whole("tina", f"handle:{holders.HANDLE}", tpm.environment)

    def test_a_file_of_openssl_with_a_passphrase(self):
        key = self.away / "own.key"
        secret = passphrase_file(self.away, self.token.pin, "pin")
        require("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384",
                "-aes-256-cbc", "-pass", f"file:{secret}", "-out", key)
        key.chmod(0o600)
        self.whole("fred", f"file:{key}")

    def test_a_file_that_was_made_here(self):
        secret = passphrase_file(self.folder)
        self.state.require("keys", "issue", "greta", "--role", "approver", "--passphrase",
                           f"file:{secret}")
        key = self.people / "greta.key"
        require("openssl", "pkey", "-in", key, "-passin", f"file:{secret}", "-noout")
        order = self.order("order-greta")
        self.state.require("approve", order, "--key", "greta", "--passphrase", f"file:{secret}")
        with open(secret, "rb") as descriptor:
            done = self.state.run("approve", order, "--key", "greta", "--passphrase", "fd:0",
                                  stdin=descriptor)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_approvals(order, 1)


class Attempts(Case):
    """Approvals that one should not have: refused with their code, and nothing is written."""

    def attempt(self, what, code, reason, *arguments, environment=None, away=True):
        order = self.order(f"attempt-{re.sub('[^a-z0-9]', '-', what)}")
        with self.subTest(what=what):
            line = ("approve", order, *arguments, "--json")
            done = (self.on_own_machine(*line, environment=environment) if away
                    else self.state.run(*line))
            self.refused(done, code, reason)
            self.assertFalse(Path(f"{order}.p7s").exists())

    def test_what_is_refused_before_anything_is_signed(self):
        token, environment = self.token, self.token.environment
        uri = token.make_key("paul")
        pin = passphrase_file(self.away, token.pin, "pin")
        right = ("--passphrase", f"file:{pin}")
        certificate = self.person("paul", uri, environment)
        witness = self.person("will", token.make_key("will"), environment, role="witness")
        operator = self.person("oleg", token.make_key("oleg"), environment, role="operator")
        other = project.State(self.folder / "other")
        own = ("--key", uri, "--certificate", certificate)
        short = passphrase_file(self.away, "no", "short")
        self.attempt("a witness approves", "authorisation", "not-an-approver", "--key",
                     token.uri("will"), "--certificate", witness, *right, environment=environment)
        self.attempt("an operator approves", "authorisation", "not-an-approver", "--key",
                     token.uri("oleg"), "--certificate", operator, *right, environment=environment)
        self.attempt("the station approves", "authorisation", "not-an-approver", "--key",
                     self.state.folder / "keys/station.key", "--certificate",
                     self.state.folder / "keys/station.pem", away=False)
        self.attempt("another's certificate", "usage", "bad-usage", "--key", uri, "--certificate",
                     witness, *right, environment=environment)
        self.attempt("no certificate", "usage", "bad-usage", "--key", uri, *right,
                     environment=environment)
        self.attempt("a foreign root", "authorisation", "bad-approval", *own, *right, "--root",
                     other.folder / "keys/root.pem", environment=environment)
        self.attempt("a PIN in the URI", "usage", "bad-usage", "--key", f"{uri}&pin-value=1234567",
                     "--certificate", certificate, environment=environment)
        self.attempt("a passphrase on the line", "usage", "bad-usage", *own, "--passphrase",
                     token.pin, environment=environment)
        self.attempt("nobody to ask", "authorisation", "no-passphrase", *own,
                     environment=environment)
        self.attempt("no such object", "usage", "no-keys", "--key", token.uri("nobody"),
                     "--certificate", certificate, *right, environment=environment)
        self.attempt("no such token", "usage", "no-keys", "--key",
                     uri.replace("token=card", "token=badge"), "--certificate", certificate, *right,
                     environment=environment)
        self.attempt("a module that others can write", "authorisation", "not-permitted", "--key",
                     f"pkcs11:object=paul?module-path={self.writable_module()}", "--certificate",
                     certificate, *right, environment=environment)
        self.attempt("a module that is none", "usage", "bad-usage", "--key",
                     "pkcs11:object=paul?module-path=/bin/true", "--certificate", certificate,
                     *right, environment=environment)
        # Without an id of its own each is shown with the public key of whichever comes first.
        nameless = [self.on_own_machine("keys", "request", "nameless", "--key", uri, *right, "--json",
                                        environment=environment)
                    for uri in [token.make_key(name, with_id=False)
                                for name in ("nameless", "anonymous", "unknown")]]
        refused = [done for done in nameless if done.returncode != 0]
        self.assertGreaterEqual(len(refused), 2, nameless)
        for done in refused:
            self.refused(done, "usage", "bad-usage")
        self.attempt("a wrong PIN", "authorisation", "wrong-passphrase", *own, "--passphrase",
                     f"file:{short}", environment=environment)

    def writable_module(self):
        copy = self.folder / "module.so"
        copy.write_bytes(Path(holders.module()).read_bytes())
        copy.chmod(0o666)
        return copy

    def test_files_of_others(self):
        self.state.require("keys", "issue", "hugo", "--role", "approver", "--no-passphrase")
        key, certificate = self.people / "hugo.key", self.people / "hugo.pem"
        own = ("--key", f"file:{key}", "--certificate", certificate)
        for mode in (0o640, 0o604, 0o660):
            key.chmod(mode)
            self.attempt(f"readable by others {mode:o}", "authorisation", "not-permitted", *own)
        key.chmod(0o600)
        link = self.away / "link.key"
        link.symlink_to(key)
        self.attempt("a link", "usage", "bad-usage", "--key", link, "--certificate", certificate)
        wrong = passphrase_file(self.away, "not this one", "wrong")
        self.state.require("keys", "issue", "ina", "--role", "approver", "--passphrase",
                           f"file:{passphrase_file(self.away)}")
        self.attempt("a wrong passphrase", "authorisation", "wrong-passphrase", "--key", "ina",
                     "--passphrase", f"file:{wrong}", away=False)
        self.attempt("no passphrase", "authorisation", "no-passphrase", "--key", "ina", away=False)
        self.attempt("no such name", "usage", "bad-usage", "--key", "nobody", away=False)

    def test_passphrases_that_are_too_weak(self):
        for weak in ("", "short", "elevenchars"):
            secret = passphrase_file(self.away, weak)
            done = self.state.run("keys", "issue", "weak", "--role", "approver", "--passphrase",
                                  f"file:{secret}", "--json")
            self.refused(done, "usage", "bad-usage")
            self.assertFalse((self.people / "weak.pem").exists())
            self.assertFalse((self.people / "weak.key").exists())


class Revoked(Case):
    """An approver's key is revoked after an erase: what that says of the past depends on why."""

    def test_before_and_after(self):
        verdicts = {}
        for reason in ("left", "replaced", "compromised"):
            name = f"kim-{reason}"
            self.state.require("keys", "issue", name, "--role", "approver", "--no-passphrase")
            order, later = self.order(f"first-{reason}"), self.order(f"later-{reason}")
            for each in (order, later):
                self.state.approve(each, [name, "bob"])
            code, document, _ = targets.erase(self.state, order)
            self.assertEqual(code, 0, document)
            bundle = document["targets"][0]["bundle"]
            time.sleep(1.1)  # signatures have whole seconds: what was made in this one does not count
            self.state.require("keys", "revoke", name, "--reason", reason)

            before = (self.folder / f"later-{reason}.img").read_bytes()
            code, document, _ = targets.erase(self.state, later)
            self.assertEqual((code, document["error"]["code"]),
                             (EXIT["authorisation"], "key-revoked"), document)
            self.assertEqual((self.folder / f"later-{reason}.img").read_bytes(), before)
            self.refused(self.state.run("approve", self.order(f"new-{reason}"), "--key", name,
                                        "--json"), "authorisation", "key-revoked")
            verdicts[reason] = self.both(bundle)
        self.assertEqual(verdicts, {"left": 0, "replaced": 0, "compromised": 20})
        require("openssl", "crl", "-in", self.state.folder / "keys/crl.pem", "-CAfile",
                self.state.folder / "keys/root.pem", "-noout")

    def both(self, bundle):
        """What both verifiers answer with the list; without it they know of nothing."""
        keys = self.state.folder / "keys"
        anchors = ("--root", keys / "root.pem", "--log-key", keys / "log.vkey")
        stock = (TOP / "scripts/verify-bundle", bundle, keys / "root.pem", keys / "log.vkey")
        for command in ((self.state.efface, "verify", bundle, *anchors), stock):
            self.assertEqual(run(*command).returncode, 0)
        ours = run(self.state.efface, "verify", bundle, *anchors, "--crl", keys / "crl.pem")
        theirs = run(*stock, "--crl", keys / "crl.pem")
        self.assertEqual(ours.returncode, theirs.returncode, ours.stdout + theirs.stdout)
        return ours.returncode

    def test_the_log_tells_of_every_change(self):
        state = project.State(self.folder / "state", approvers=())
        state.require("keys", "issue", "lena", "--role", "witness", "--no-passphrase")
        state.require("keys", "renew", "lena")
        state.require("keys", "revoke", "lena", "--reason", "left")
        entries = [json.loads(line) for line in
                   (state.folder / "log/entries.jsonl").read_text().splitlines()]
        self.assertEqual([(entry["type"], entry.get("role")) for entry in entries],
                         [("log-created", None), ("key-added", "station"), ("key-added", "witness"),
                          ("key-added", "witness"), ("key-retired", None)])
        self.assertNotIn("lena", (state.folder / "log/entries.jsonl").read_text())
        self.assertEqual(entries[2]["subjectPublicKeySha256"],
                         entries[4]["subjectPublicKeySha256"])
        # Killed between the certificate and its entry: the next command writes it.
        state.require("keys", "issue", "mia", "--role", "approver", "--no-passphrase")
        self.assertEqual(run(state.efface, "--state-dir", state.folder, "log", "check").returncode,
                         0)


class Secrets(Case):
    def test_none_is_written_down_anywhere(self):
        """Not in the state folder, the order, the output, nor in an argument."""
        uri = self.token.make_key("sue")
        certificate = self.person("sue", uri, self.token.environment)
        secret = passphrase_file(self.folder, "a secret that is looked for")
        self.state.require("keys", "issue", "vera", "--role", "approver", "--passphrase",
                           f"file:{secret}")
        order = self.order("order-secrets")
        outputs = [self.approve_away(order, uri, certificate, environment=self.token.environment),
                   self.state.run("approve", order, "--key", "vera", "--passphrase",
                                  f"file:{secret}")]
        targets.erase(self.state, order)
        texts = [done.stdout + done.stderr for done in outputs]
        texts += [path.read_bytes() for path in self.state.folder.rglob("*") if path.is_file()]
        texts += [path.read_bytes() for path in self.folder.glob("order-secrets*") if path.is_file()]
        for text in texts:
            self.assertNotIn(b"a secret that is looked for", text)
            self.assertNotIn(self.token.pin.encode(), text)


if __name__ == "__main__":
    cases.main("openssl", "softhsm2-util", "pkcs11-tool")
