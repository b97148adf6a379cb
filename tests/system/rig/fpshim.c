// SPDX-License-Identifier: Apache-2.0
// Preloaded into User Mode Linux by scripts/rig.
//
// UML up to 6.x keeps the floating-point state of a process in a buffer of 2,696 bytes. On a CPU
// with AMX the kernel's XSTATE register set is larger and PTRACE_SETREGSET refuses a shorter one
// with EFAULT, so that UML dies before its first process runs. This ptrace() keeps the bytes that
// UML gives, takes the rest from the traced process itself, and leaves the AMX states out.
// On other CPUs it changes nothing.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

enum {
    kXstateBytesMax = 16384,  // Intel SDM volume 1, 13.5: 11,008 bytes with AMX
    kHeaderOffset = 512,      // XSTATE_BV, right behind the legacy region
    kShortSetBytes = 4096,    // anything below is UML's short buffer
};
static const uint64_t kStatesWithoutAmx = 0x3ff;  // XSTATE_BV bits 0 to 9

static long system_ptrace(long request, long pid, void* address, void* data) {
    return syscall(SYS_ptrace, request, pid, address, data);
}

static long set_xstate(long pid, void* type, struct iovec* given) {
    static __thread unsigned char state[kXstateBytesMax] __attribute__((aligned(64)));
    struct iovec whole = {state, sizeof state};
    if (given->iov_len >= kShortSetBytes || given->iov_len < kHeaderOffset + sizeof(uint64_t) ||
        system_ptrace(PTRACE_GETREGSET, pid, type, &whole) != 0 ||
        whole.iov_len <= given->iov_len) {
        return system_ptrace(PTRACE_SETREGSET, pid, type, given);
    }
    memcpy(state, given->iov_base, given->iov_len);
    uint64_t present;
    memcpy(&present, state + kHeaderOffset, sizeof present);
    present &= kStatesWithoutAmx;
    memcpy(state + kHeaderOffset, &present, sizeof present);
    return system_ptrace(PTRACE_SETREGSET, pid, type, &whole);
}

long ptrace(enum __ptrace_request request, ...) {
    va_list arguments;
    va_start(arguments, request);
    const long pid = va_arg(arguments, int);
    void* const address = va_arg(arguments, void*);
    void* const data = va_arg(arguments, void*);
    va_end(arguments);
    // The kernel stores the word of a PEEK at `data`; the C library returns it.
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
        long word = 0;
        if (system_ptrace(request, pid, address, &word) < 0) {
            return -1;
        }
        errno = 0;
        return word;
    }
    if (request == PTRACE_SETREGSET && (uintptr_t)address == NT_X86_XSTATE) {
        return set_xstate(pid, address, data);
    }
    return system_ptrace(request, pid, address, data);
}
