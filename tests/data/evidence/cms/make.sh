#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How the signatures of this folder were made, by openssl alone (cms_test.cpp says what each is for).
# They are kept, not made anew by the tests: ./make.sh FOLDER writes a fresh set.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
arc=2.25.65021332812177502488472365777237670439
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'signed content\n' >content

ca() { # ca NAME
    openssl ecparam -genkey -name secp384r1 -noout -out "$work/$1.key"
    openssl req -x509 -new -key "$work/$1.key" -sha384 -days 7300 -subj "/CN=$1" -out "$work/$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}
ec() { openssl ecparam -genkey -name "$2" -noout -out "$work/$1.key"; }
leaf() { # leaf NAME CA EXTENSIONS: for the key NAME.key that is there
    openssl req -new -key "$work/$1.key" -subj "/O=Test/CN=$1" -out "$work/csr"
    printf 'basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n%s\n' \
        "$3" >"$work/ext"
    openssl x509 -req -in "$work/csr" -CA "$work/$2.pem" -CAkey "$work/$2.key" -sha384 -days 3650 \
        -extfile "$work/ext" -out "$work/$1.pem" 2>/dev/null
}
sign() { # sign OUT NAME OPTIONS...
    local out=$1 name=$2
    shift 2
    openssl cms -sign -binary -in content -signer "$work/$name.pem" -inkey "$work/$name.key" \
        -outform DER -out "$out.p7s" "$@"
}
use=keyUsage=critical,digitalSignature,nonRepudiation
ca root
ca foreign
ec station prime256v1
leaf station root "$use
certificatePolicies=$arc.1"
cp "$work/root.pem" root.pem

sign good station -cades -md sha256
sign good-sha384 station -cades -md sha384
sign no-attributes station -noattr -md sha256
sign no-signing-certificate station -md sha256
sign sha1 station -cades -md sha1
sign sha512 station -cades -md sha512
sign embedded station -cades -md sha256 -nodetach
sign no-certificates station -cades -md sha256 -nocerts
openssl cms -sign -binary -in content -cades -md sha256 -outform DER -out twice.p7s \
    -nocerts -certfile "$work/station.pem" -signer "$work/station.pem" -inkey "$work/station.key" \
    -signer "$work/station.pem" -inkey "$work/station.key"

ec approver secp384r1
leaf approver root "$use
certificatePolicies=$arc.4"
openssl cms -sign -binary -in content -cades -md sha256 -outform DER -out two-people.p7s \
    -signer "$work/station.pem" -inkey "$work/station.key" \
    -signer "$work/approver.pem" -inkey "$work/approver.key"

ec two-roles prime256v1
leaf two-roles root "$use
certificatePolicies=$arc.1,$arc.4"
sign two-roles two-roles -cades -md sha256
ec no-role prime256v1
leaf no-role root "$use"
sign no-role no-role -cades -md sha256
ec stranger prime256v1
leaf stranger foreign "$use
certificatePolicies=$arc.1"
sign foreign stranger -cades -md sha256
ec p521 secp521r1
leaf p521 root "$use"
sign p521 p521 -cades -md sha256
ec encipher prime256v1
leaf encipher root "keyUsage=critical,keyEncipherment"
sign no-signing-use encipher -cades -md sha256
sign authority root -cades -md sha256

for bits in 1024 3072; do
    openssl genrsa -out "$work/rsa$bits.key" "$bits" 2>/dev/null
    leaf "rsa$bits" root "$use"
    sign "rsa$bits" "rsa$bits" -cades -md sha256
done
sign rsa3072-pss rsa3072 -cades -md sha256 -keyopt rsa_padding_mode:pss

# A certificate that had ended before it signed, and one that had not begun.
touch "$work/index"
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nnew_certs_dir=%s\nserial=%s/serial\npolicy=p\nrand_serial=yes\n[p]\norganizationName=optional\ncommonName=supplied\n' \
    "$work" "$work" "$work" >"$work/ca.cnf"
dated() { # dated NAME FROM TO
    ec "$1" prime256v1
    openssl req -new -key "$work/$1.key" -subj "/O=Test/CN=$1" -out "$work/csr"
    printf 'basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n%s\n' \
        "$use" >"$work/ext"
    openssl ca -batch -notext -config "$work/ca.cnf" -cert "$work/root.pem" -keyfile "$work/root.key" \
        -md sha384 -in "$work/csr" -startdate "$2" -enddate "$3" -extfile "$work/ext" \
        -out "$work/$1.pem" 2>/dev/null
    sign "$1" "$1" -cades -md sha256
}
dated expired 20200101000000Z 20210101000000Z
dated not-yet 20900101000000Z 20910101000000Z
