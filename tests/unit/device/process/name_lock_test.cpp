// SPDX-License-Identifier: Apache-2.0
#include "efface/device/name_lock.hpp"

#include <unistd.h>

#include "catch.hpp"
#include "fake/scratch.hpp"

using efface::device::NameLock;
using State = NameLock::State;

TEST_CASE("a name is locked once, other names are not, and asking takes nothing") {
    const efface::fake::ScratchDirectory folder;
    const auto file = folder.path() / "lock";
    CHECK_FALSE(NameLock::is_held(file, "memory:free"));
    {
        const auto first = NameLock::acquire(file, "memory:free");
        CHECK(first.state() == State::ours);
        CHECK(NameLock::is_held(file, "memory:free"));
        CHECK(NameLock::acquire(file, "memory:free").state() == State::elsewhere);
        CHECK(NameLock::is_held(file, "memory:free"));  // closing that one let go of nothing
        CHECK_FALSE(NameLock::is_held(file, "memory:sysv:1"));
        CHECK(NameLock::acquire(file, "memory:sysv:1").state() == State::ours);
    }
    CHECK_FALSE(NameLock::is_held(file, "memory:free"));
    CHECK(NameLock::acquire(file, "memory:free").state() == State::ours);
}

TEST_CASE("where no lock can be had that is said") {
    const efface::fake::ScratchDirectory folder;
    const auto file = folder.path() / "no-such-folder" / "lock";
    CHECK(NameLock::acquire(file, "memory:free").state() == State::unknown);
    CHECK_FALSE(NameLock::is_held(file, "memory:free"));
}
