// SPDX-License-Identifier: Apache-2.0

// Verifies the output of log_interop_writer with golang.org/x/mod/sumdb: the checkpoint's
// signature, the root over all entries, inclusion and consistency proofs.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func read(path ...string) string {
	data, err := os.ReadFile(filepath.Join(path...))
	must(err, "reading")
	return string(data)
}

func hashOf(text string) tlog.Hash {
	var hash tlog.Hash
	data, err := base64.StdEncoding.DecodeString(text)
	must(err, "base64")
	if len(data) != len(hash) {
		must(fmt.Errorf("%d bytes", len(data)), "hash")
	}
	copy(hash[:], data)
	return hash
}

func hashesOf(lines []string) []tlog.Hash {
	var hashes []tlog.Hash
	for _, line := range lines {
		hashes = append(hashes, hashOf(line))
	}
	return hashes
}

func openCheckpoint(text string, verifier note.Verifier) tlog.Tree {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	must(err, "opening the note")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		must(fmt.Errorf("%q", opened.Text), "checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	return tlog.Tree{N: size, Hash: hashOf(lines[2])}
}

type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, index := range indexes {
		out = append(out, m[index])
	}
	return out, nil
}

func checkEntries(directory string, tree tlog.Tree) {
	var stored memory
	lines := bytes.SplitAfter([]byte(read(directory, "log", "entries.jsonl")), []byte("\n"))
	for i, line := range lines[:len(lines)-1] {
		hashes, err := tlog.StoredHashes(int64(i), bytes.TrimSuffix(line, []byte("\n")), stored)
		must(err, "storing")
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(tree.N, stored)
	must(err, "root")
	if root != tree.Hash {
		must(fmt.Errorf("%v, not %v", root, tree.Hash), "root over the entries")
	}
	// What our log has written out is the same sequence in the same order.
	written := []byte(read(directory, "log", "hashes"))
	if len(written) == 0 || len(written) > len(stored)*tlog.HashSize {
		must(fmt.Errorf("%d bytes", len(written)), "stored hashes")
	}
	for i := 0; i < len(written)/tlog.HashSize; i++ {
		if !bytes.Equal(written[i*tlog.HashSize:(i+1)*tlog.HashSize], stored[i][:]) {
			must(fmt.Errorf("differs"), fmt.Sprintf("stored hash %d", i))
		}
	}
}

func checkProof(path string, verifier note.Verifier) {
	head, checkpoint, found := strings.Cut(read(path), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		must(fmt.Errorf("%q", head), path)
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err, path)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err, path)
	tree := openCheckpoint(checkpoint, verifier)
	must(tlog.CheckRecord(hashesOf(lines[3:]), tree.N, tree.Hash, index, tlog.RecordHash(entry)), path)
}

func checkConsistency(path string, tree tlog.Tree) {
	lines := strings.Split(strings.TrimSuffix(read(path), "\n"), "\n")
	oldSize, err := strconv.ParseInt(lines[0], 10, 64)
	must(err, path)
	must(tlog.CheckTree(hashesOf(lines[2:]), tree.N, tree.Hash, oldSize, hashOf(lines[1])), path)
}

func main() {
	directory := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSuffix(read(directory, "log.vkey"), "\n"))
	must(err, "verifier key")
	tree := openCheckpoint(read(directory, "log", "checkpoint"), verifier)
	checkEntries(directory, tree)
	proofs, _ := filepath.Glob(filepath.Join(directory, "*.proof"))
	for _, path := range proofs {
		checkProof(path, verifier)
	}
	consistencies, _ := filepath.Glob(filepath.Join(directory, "*.consistency"))
	for _, path := range consistencies {
		checkConsistency(path, tree)
	}
	if len(proofs) == 0 || len(consistencies) == 0 {
		must(fmt.Errorf("none"), "proofs")
	}
	fmt.Printf("OK: %d entries, %d inclusion and %d consistency proofs\n", tree.N, len(proofs),
		len(consistencies))
}
