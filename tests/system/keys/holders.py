# SPDX-License-Identifier: Apache-2.0
"""Keys that are not files: a token of SoftHSM, a TPM of swtpm. Each is made in a folder and gone with
it; both keep their keys in software, which only a test's own authority calls hardware."""

import os
import subprocess
from pathlib import Path

from process import require, soon

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so")
HANDLE = "0x81010042"
TPM_TOOLS = ("swtpm", "tpm2_createprimary", "tpm2_evictcontrol")


def module():
    """SoftHSM's library; None where there is none."""
    return next((path for path in MODULES if Path(path).exists()), None)


def has_tpm_provider():
    return any(Path(folder, "ossl-modules/tpm2.so").exists()
               for folder in Path("/usr/lib").glob("*-linux-gnu"))


class Token:
    """SoftHSM with one token "card" in a folder; `environment` makes programs see it."""

    def __init__(self, folder, pin="1234567", label="card"):
        self.folder, self.pin, self.label, self.keys = Path(folder), pin, label, 0
        (self.folder / "tokens").mkdir(parents=True)
        config = self.folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {self.folder / 'tokens'}\n"
                          "objectstore.backend = file\nlog.level = ERROR\n")
        self.environment = {**os.environ, "SOFTHSM2_CONF": str(config)}
        require("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "87654321",
                "--pin", pin, env=self.environment)

    def make_key(self, label, kind="EC:prime256v1", with_id=True):
        """The URI of a new key pair; its object is that label."""
        self.keys += 1
        identity = ("--id", f"{self.keys:04x}") if with_id else ()
        require("pkcs11-tool", "--module", module(), "--token-label", self.label, "--login", "--pin",
                self.pin, "--keypairgen", "--key-type", kind, "--label", label, *identity,
                env=self.environment)
        return self.uri(label)

    def uri(self, label, query=""):
        return f"pkcs11:token={self.label};object={label}?module-path={module()}{query}"


class Tpm:
    """swtpm with a signing key at a persistent handle."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        place = self.folder / "socket"
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpmstate", f"dir={self.folder}", "--tpm2", "--server",
             f"type=unixio,path={place}", "--ctrl", f"type=unixio,path={place}.ctrl", "--flags",
             "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not soon("test", "-S", f"{place}.ctrl"):
            self.close()
            raise RuntimeError("swtpm did not start")
        # No network: the program's own filter of system calls lets it have none.
        self.environment = {**os.environ, "TPM2OPENSSL_TCTI": f"swtpm:path={place}",
                            "TPM2TOOLS_TCTI": f"swtpm:path={place}"}
        self.make_key()

    def tool(self, *arguments):
        require(*arguments, env=self.environment, cwd=self.folder)
        require("tpm2_flushcontext", "-t", env=self.environment)

    def make_key(self):
        self.tool("tpm2_createprimary", "-C", "o", "-G", "ecc256", "-c", "p.ctx", "-Q")
        self.tool("tpm2_create", "-C", "p.ctx", "-G", "ecc256:ecdsa-sha256", "-u", "k.pub", "-r",
                  "k.priv", "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign",
                  "-Q")
        self.tool("tpm2_load", "-C", "p.ctx", "-u", "k.pub", "-r", "k.priv", "-c", "k.ctx", "-Q")
        self.tool("tpm2_evictcontrol", "-C", "o", "-c", "k.ctx", HANDLE, "-Q")

    def close(self):
        self.process.terminate()
        self.process.wait()

