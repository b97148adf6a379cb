// SPDX-License-Identifier: Apache-2.0
#include "efface/base/secret.hpp"

#include <fstream>
#include <sstream>
#include <string>

#include "catch.hpp"

using namespace efface;

namespace {
/// The VmFlags line of the mapping that holds `address`, from the kernel.
std::string vm_flags(const void* address) {
    std::ifstream smaps("/proc/self/smaps");
    std::string line;
    bool here = false;
    while (std::getline(smaps, line)) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) {
            const auto at = reinterpret_cast<unsigned long>(address);
            here = from <= at && at < to;
        } else if (here && line.starts_with("VmFlags:")) {
            return line + " ";
        }
    }
    return {};
}
}  // namespace

TEST_CASE("a secret's pages are locked, not dumped and not forked", "[base][secret]") {
    const SecretBytes secret(as_bytes("passphrase"));
    const auto flags = vm_flags(secret.view().data());
    CHECK(flags.find(" lo ") != std::string::npos);  // locked
    CHECK(flags.find(" dd ") != std::string::npos);  // do not dump
    CHECK(flags.find(" dc ") != std::string::npos);  // do not copy on fork
}

TEST_CASE("shrinking cleanses what is cut off", "[base][secret]") {
    SecretBytes secret(as_bytes("passphrase\n"));
    const auto* start = secret.view().data();
    secret.shrink(10);
    CHECK(as_text(secret.view()) == "passphrase");
    CHECK(start[10] == 0);
}

TEST_CASE("a secret moves and leaves nothing behind", "[base][secret]") {
    SecretBytes first(as_bytes("key"));
    SecretBytes second = std::move(first);
    CHECK(first.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the test
    CHECK(as_text(second.view()) == "key");
    CHECK(SecretBytes(std::size_t{0}).view().empty());
}
