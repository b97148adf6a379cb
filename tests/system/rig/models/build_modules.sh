#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build_modules.sh nvme|sed: the kernel modules that Debian's User Mode Linux lacks, from the source
# of exactly the kernel that it was built from: another one loads and then panics. nvme: the NVMe host
# over TCP; sed: the SCSI disk driver with the kernel's own Opal support.
# Prints the folder that holds them. Built once (about a minute) and kept by version and recipe;
# exit 77 when this machine cannot have them.
set -euo pipefail

case ${1:-} in
nvme)
    modules=(drivers/nvme/host/nvme-core drivers/nvme/host/nvme-fabrics drivers/nvme/host/nvme-tcp)
    config=(NVME_CORE=m NVME_FABRICS=m NVME_TCP=m NVME_MULTIPATH=y)
    ;;
sed)
    modules=(drivers/scsi/sd_mod)
    config=(BLK_SED_OPAL=y)
    ;;
*)
    echo "usage: build_modules.sh nvme|sed" >&2
    exit 2
    ;;
esac

# prepare SOURCE: what the configuration alone cannot do. The Opal code is part of the kernel
# itself, which is not built here: it goes into the driver, unchanged. The driver offers it for
# drives behind libata alone: for these tests it does so for any that lists the commands.
prepare() {
    [ "${modules[*]}" = drivers/scsi/sd_mod ] || return 0
    cp "$1"/block/{sed-opal.c,opal_proto.h} "$1/drivers/scsi/"
    sed -i 's/^sd_mod-objs.*:= sd.o/& sed-opal.o/' "$1/drivers/scsi/Makefile"
    sed -i 's/if (!sdev->security_supported)/if (0)/' "$1/drivers/scsi/sd.c"
    grep -q 'sd_mod-objs.*sed-opal.o' "$1/drivers/scsi/Makefile" &&
        grep -A 4 '^static void sd_read_security' "$1/drivers/scsi/sd.c" | grep -q 'if (0)'
}

say() { echo "build_modules: $*" >&2; }
skip() {
    say "skipped: $*"
    exit 77
}

for tool in apt-get dpkg-query dpkg-deb flex bison bc make gcc xz zcat flock; do
    command -v "$tool" >/dev/null || skip "$tool is not installed (scripts/setup rig)"
done
built_using=$(dpkg-query -W -f '${Built-Using}' user-mode-linux 2>/dev/null) ||
    skip "user-mode-linux is not installed (scripts/setup rig)"
version=$(sed -n 's/.*linux (= \([^)]*\)).*/\1/p' <<<"$built_using")
[ -n "$version" ] || skip "user-mode-linux does not say which kernel it was built from"
source_package=linux-source-${version%.*}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/efface-rig
recipe=$(sha256sum <<<"${modules[*]} ${config[*]}")
kept=$cache/modules-$version-${recipe:0:16}
mkdir -p "$cache"
exec 9>"$cache/modules.lock"
flock 9
if [ -d "$kept" ]; then
    echo "$kept"
    exit 0
fi

scratch=$(mktemp -d "$cache/building.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
say "fetching $source_package $version"
apt-get -qq -o APT::Sandbox::User=root download "$source_package=$version" >&2 ||
    skip "there is no $source_package $version to be had (the kernel of user-mode-linux)"
dpkg-deb --fsys-tarfile ./*.deb | tar -xO "./usr/src/$source_package.tar.xz" | tar -xJ
source=$scratch/$source_package
out=$scratch/out
mkdir "$out" "$scratch/modules"

prepare "$source" || {
    say "this source is not as expected"
    exit 1
}
say "building"
zcat /usr/share/doc/user-mode-linux/config.gz >"$out/.config"
printf 'CONFIG_%s\n' "${config[@]}" >>"$out/.config"
build() { make -s -j2 -C "$source" ARCH=um O="$out" KBUILD_MODPOST_WARN=1 "$@" >>"$scratch/log" 2>&1; }
for goal in olddefconfig modules_prepare "${modules[@]/%/.ko}"; do
    build "$goal" || {
        tail -n 30 "$scratch/log" >&2
        say "could not build $goal"
        exit 1
    }
done
for module in "${modules[@]}"; do
    strip --strip-debug -o "$scratch/modules/${module##*/}.ko" "$out/$module.ko"
done
mv "$scratch/modules" "$kept"
echo "$kept"
