// SPDX-License-Identifier: Apache-2.0
#include "efface/device/memory/tasks.hpp"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace efface::device {

bool share_files_and_mounts(int one, int other) {
    return ::syscall(SYS_kcmp, one, other, KCMP_FILES, 0, 0) == 0 &&
           ::syscall(SYS_kcmp, one, other, KCMP_FS, 0, 0) == 0;
}

}  // namespace efface::device
