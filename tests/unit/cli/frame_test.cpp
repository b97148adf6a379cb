// SPDX-License-Identifier: Apache-2.0
#include "terminal/frame.hpp"

#include <fmt/format.h>

#include "efface/view/page.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::cli;

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;

Progress disk_of_four(bool reading) {
    Progress progress;
    progress.name = "/dev/sdb";
    progress.total = 8 * kGiB;
    progress.done = (reading ? 5 : 1) * kGiB;
    progress.phase = reading ? "reading back" : "writing";
    progress.phase_done = kGiB;
    progress.phase_total = 4 * kGiB;
    progress.phase_ends = 0.5;
    progress.rate = 200U << 20U;
    progress.seconds_left = 3661;
    return progress;
}

Screen screen_of(unsigned columns, unsigned rows) {
    Screen screen;
    screen.terminal = true;
    screen.columns = columns;
    screen.rows = rows;
    return screen;
}

std::vector<Progress> many(std::size_t count) {
    std::vector<Progress> targets;
    for (std::size_t i = 0; i < count; ++i) {
        auto one = disk_of_four(i % 2 == 1);
        one.name = fmt::format("/dev/disk/by-id/wwn-0x5000c500a1b2c3{:02d}", i);
        targets.push_back(one);
    }
    return targets;
}

}  // namespace

TEST_CASE("frame: writing and reading back are two phases of one bar", "[cli][frame]") {
    const auto writing = progress_line(disk_of_four(false), 100);
    CHECK(writing.find("writing  1.0 of 4.0 GiB") != std::string::npos);
    CHECK(writing.find("12 %") != std::string::npos);
    CHECK(writing.find("8.0 GiB") == std::string::npos);
    const auto reading = progress_line(disk_of_four(true), 100);
    CHECK(reading.find("reading back  1.0 of 4.0 GiB") != std::string::npos);
    CHECK(reading.find("62 %") != std::string::npos);
    for (const auto& line : {writing, reading}) {
        const auto open = line.find('[');
        const auto mark = line.find('|');
        const auto shut = line.find(']');
        REQUIRE(shut != std::string::npos);
        CHECK(mark - open - 1 == (shut - open - 1) / 2);
    }
}

TEST_CASE("frame: a line fits every width and always tells what, how far and what failed",
          "[cli][frame]") {
    auto progress = disk_of_four(true);
    progress.failed = 4096;
    progress.celsius = 51;
    for (unsigned columns = 50; columns < 200; ++columns) {
        const auto line = progress_line(progress, columns);
        CAPTURE(columns, line);
        CHECK(view::columns_of(line) <= columns);
        for (const char* part : {"/dev/sdb", "62 %", "reading back", "4.0 KiB FAILED"}) {
            CHECK(line.find(part) != std::string::npos);
        }
    }
    CHECK(view::columns_of(progress_line(progress, 20)) <= 20);
}

TEST_CASE("frame: as many targets as there are, on each screen", "[cli][frame]") {
    for (const std::size_t count : {1U, 2U, 16U, 22U, 23U, 40U, 400U}) {
        for (const auto& screen : {screen_of(80, 24), screen_of(120, 40), screen_of(60, 3)}) {
            auto targets = many(count);
            targets.back().failed = 512;
            const auto lines = frame(targets, "3 finished", screen);
            CAPTURE(count, screen.columns, screen.rows);
            CHECK(lines.size() <= screen.rows - 1);
            for (const auto& line : lines) {
                CAPTURE(line);
                CHECK(view::columns_of(line) <= screen.columns);
            }
            const bool all = count <= screen.rows - 2;
            CHECK((lines.size() == count) == all);
            if (!all) {
                CHECK(lines.back().starts_with(fmt::format("{} running, 3 finished", count)));
                // What fails is never among those that are only counted.
                CHECK((lines.size() == 1 || lines.front().find("FAILED") != std::string::npos));
            }
        }
    }
}

TEST_CASE("frame: nothing divides by a total of nothing", "[cli][frame]") {
    Progress progress;
    progress.name = "x";
    CHECK(progress.percent() == 100);
    CHECK(progress_line(progress, 80).find("100 %") != std::string::npos);
    progress.total = ~std::uint64_t{0};
    progress.done = progress.total;
    CHECK(progress.percent() == 100);
}
