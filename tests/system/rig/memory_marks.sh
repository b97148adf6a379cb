#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# What is erased is gone from the physical memory of the machine, looked at from outside.
. "$(dirname "$0")/memory_lib.sh"
set -x
grep -i zswap /proc/meminfo /proc/vmstat; ls /sys/module/zswap/parameters; cat /sys/module/zswap/parameters/*
mkdir mnt
mount -t tmpfs -o size=64m tmpfs mnt
marks
put_marks mnt/data 1024
marks
umount mnt
marks
cat /proc/meminfo | head -3
