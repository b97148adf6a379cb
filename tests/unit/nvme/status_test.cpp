// SPDX-License-Identifier: Apache-2.0
#include "efface/nvme/status.hpp"

#include "catch.hpp"

using namespace efface;

// Numbers and names as nvme-cli prints them: "Sanitize In Progress ... (0x1d)", and with
// Do Not Retry 0x401d.
TEST_CASE("a status is given in words and numbers", "[nvme]") {
    CHECK(nvme::status_text(0x001d) == "Sanitize In Progress (sct 0 sc 1dh)");
    CHECK(nvme::status_text(0x401d) == "Sanitize In Progress (sct 0 sc 1dh)");
    CHECK(nvme::status_text(0x0281) == "Unrecovered Read Error (sct 2 sc 81h)");
    CHECK(nvme::status_text(0x4109) == "Invalid Log Page (sct 1 sc 09h)");
    CHECK(nvme::status_text(0x019c) == "Successful Media Verification Read (sct 1 sc 9ch)");
}

TEST_CASE("a status that nobody knows keeps its numbers", "[nvme]") {
    CHECK(nvme::status_text(0x07c1) == "sct 7 sc c1h");
    CHECK(nvme::next_step(0x07c1).empty());
}

TEST_CASE("retry and more bits do not change what a status is", "[nvme]") {
    CHECK(nvme::is(0x7801, nvme::Status::invalid_opcode));
    CHECK_FALSE(nvme::is(0x0101, nvme::Status::invalid_opcode));
}

TEST_CASE("refusals that a person can end name the next step", "[nvme]") {
    for (const int number : {0x0001, 0x000c, 0x001d, 0x0020, 0x010b, 0x0110, 0x0111, 0x0123}) {
        const auto status = static_cast<std::uint16_t>(number);
        CAPTURE(status);
        CHECK_FALSE(nvme::next_step(status).empty());
    }
}
