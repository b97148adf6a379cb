# SPDX-License-Identifier: Apache-2.0
"""The real efface binary as a workflow drives it: a state folder, keys, manifests, approvals."""

import json
import os
from pathlib import Path

from process import SECONDS_MAX, require, run

APPROVERS = ("alice", "bob")
ATTESTATION = {"encrypted_since_first_use": True, "all_key_copies_declared": True,
               "by": "Carol Example"}
EXIT = {"done": 0, "internal": 1, "usage": 2, "not-sanitized": 3, "exceptions": 4,
        "undelivered": 5, "authorisation": 6, "safety": 7, "interrupted": 8, "busy": 75}


def binary():
    """The binary under test, from $EFFACE; None where it is not built."""
    path = os.environ.get("EFFACE", "")
    return path if path and os.access(path, os.X_OK) else None


class State:
    """A state folder with keys, as `efface keys init` leaves it, and two approvers."""

    def __init__(self, folder, approvers=APPROVERS):
        self.folder = Path(folder)
        self.efface = binary()
        self.require("keys", "init", "--organization", "Example Erasure Ltd", "--site", "DC-1",
                     "--station", "station-7")
        for name in approvers:
            self.require("keys", "issue", name, "--role", "approver", "--no-passphrase")

    def command(self, *arguments):
        return [self.efface, "--state-dir", str(self.folder), *[str(a) for a in arguments]]

    def run(self, *arguments, **options):
        return run(*self.command(*arguments), **options)

    def require(self, *arguments):
        return require(*self.command(*arguments))

    def approve(self, manifest, approvers=APPROVERS):
        for name in approvers:
            self.require("approve", manifest, "--key", name)

    def erase(self, manifest, *options, wrapper=(), seconds=SECONDS_MAX):
        """Runs `project erase --json`; a Run whatever the exit code is."""
        arguments = [*wrapper, *self.command("project", "erase", manifest, "--json", *options)]
        return Run(run(*arguments, seconds=seconds))

    def bundles(self):
        """What stands in certificates/ under a final name."""
        folder = self.folder / "certificates"
        if not folder.is_dir():
            return []
        return sorted(path for path in folder.rglob("certificate.json"))


class Run:
    """One finished run: exit code, the document on stdout, the words on stderr."""

    def __init__(self, done):
        self.code = done.returncode
        self.stdout = done.stdout.decode(errors="replace")
        self.stderr = done.stderr.decode(errors="replace")
        try:
            self.document = json.loads(self.stdout)
        except ValueError:
            self.document = {}

    @property
    def verdict(self):
        return (self.document.get("status"), self.document.get("level"))

    @property
    def bundle(self):
        path = self.document.get("bundle")
        return Path(path) if path else None

    def __str__(self):
        return f"exit {self.code}\nstdout: {self.stdout}\nstderr: {self.stderr}"


def volume(name, path, uuid, **more):
    return {"name": name, "path": str(path), "uuid": uuid, "engine": "postgresql", **more}


def volume_of(image, path, name="pg-data", credential=False):
    """The manifest's entry of a generated image that is seen at `path`."""
    more = {}
    if image.header:
        more["header"] = str(image.header)
    if image.header_backups:
        more["header_backups"] = [{"path": str(p)} for p in image.header_backups]
    if credential:
        more["credential"] = {"passphrase_file": str(image.passphrase_file)}
    if image.members:
        more["release_member"] = list(image.members)
    return volume(name, path, image.uuid, **more)


def manifest(volumes, **more):
    document = {"schema": "efface.project/1",
                "project": {"id": "prj-7781", "owner": "Example Tenant Ltd",
                            "confidentiality": "confidential"},
                "ticket": "CHG-1", "attestation": dict(ATTESTATION), "volumes": volumes}
    document.update(more)
    return {key: value for key, value in document.items() if value is not None}


def write_manifest(folder, document, name="project.json"):
    path = Path(folder) / name
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path
