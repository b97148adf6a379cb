#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# log_go_interop.sh WRITER: lets Go's x/mod/sumdb verify a log that WRITER makes.
set -eu
here=$(dirname "$0")
gopath=${EFFACE_GOPATH:-/usr/share/gocode}
if ! command -v go >/dev/null || [ ! -d "$gopath/src/golang.org/x/mod/sumdb/note" ]; then
    echo "skipped: needs golang-go and golang-golang-x-mod-dev"
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" "$scratch"
# GOPATH mode, so that the distribution's copy is used and nothing is fetched.
export GO111MODULE=off GOPATH="$gopath" GOCACHE="$scratch/cache" GOFLAGS="" GOPROXY=off
go build -o "$scratch/verify" "$here/verify_log.go"
"$scratch/verify" "$scratch"
# What verifies must also be able to fail: one changed entry, one changed proof.
cp "$scratch/127.proof" "$scratch/good"
sed -i 's/^index 127$/index 126/' "$scratch/127.proof"
if "$scratch/verify" "$scratch" >"$scratch/out" 2>&1; then
    echo "FAIL: a proof with a wrong index was accepted"
    exit 1
fi
cp "$scratch/good" "$scratch/127.proof"
sed -i '5s/"n":4/"n":5/' "$scratch/log/entries.jsonl"
if "$scratch/verify" "$scratch" >"$scratch/out" 2>&1; then
    echo "FAIL: a changed entry was accepted"
    exit 1
fi
