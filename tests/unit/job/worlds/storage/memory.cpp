// SPDX-License-Identifier: Apache-2.0
// What is in memory, and what happens to it.
#include "memory.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace efface::job::worlds {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSector = 512;

constexpr std::array<MemoryKindInWorld, 8> kKinds = {{{"file", "", true, true},
                                                      {"swap", "", false, true},
                                                      {"brd", "ram0", true, true},
                                                      {"pmem", "pmem0", false, true},
                                                      {"devdax", "dax0.0", false, true},
                                                      {"zram", "zram0", true, false},
                                                      {"dimm", "nmem0", false, false},
                                                      {"cxl", "mem0", false, false}}};

/// The signature of mkswap on a file, which is what makes it a swap area.
void sign_as_swap(Bytes& content, unsigned number) {
    constexpr std::size_t kVersionAt = 1024;
    constexpr std::size_t kUuidAt = 1036;
    const std::uint32_t version = 1;
    const auto pages = static_cast<std::uint32_t>(content.size() / kPage - 1);
    std::memset(&content[kVersionAt], 0, 128);
    std::memcpy(&content[kVersionAt], &version, sizeof(version));
    std::memcpy(&content[kVersionAt + 4], &pages, sizeof(pages));
    std::memset(&content[kUuidAt], 0x40 + static_cast<int>(number), 16);
    std::memcpy(&content[kPage - 10], "SWAPSPACE2", 10);
}

}  // namespace

Memory::Memory(Surroundings surroundings, Dice& dice)
    : around_(std::move(surroundings)), kind_(&kKinds.at(dice.below(kKinds.size()))) {
    size_ = kPage * (3 + dice.below(30));
    if (is("file") && dice.one_in(2)) {
        size_ -= 8 * (1 + dice.below(500));  // within its last page
    }
    put_machine();
    // A file by a name that is the same in every process: the ids of jobs follow from it.
    fs::current_path(machine_.path());
    target_ = std::string("memory:") + kind_->kind + ":" +
              (is_file() ? "/proc/self/cwd/target" : kind_->place);
    for (const unsigned number : {0U, 1U}) {
        stored_.at(number) = fresh_content(number);
        if (kind_->has_medium) {
            const auto& content = stored_.at(number);
            put(medium(number), {content.begin(), content.end()});
        }
    }
    put_in_place(0);
    if (!dice.one_in(3)) {
        order("",
              is_module() ? R"(,"serial":"0x12340")" : ",\"size_bytes\":" + std::to_string(size_),
              drawn_dates(dice, around_.clock.now()));
    }
    watch_target([this](const TargetCall& call) { return on_call(call); });
}

Bytes Memory::fresh_content(unsigned number) const {
    auto content = content_of(static_cast<std::uint8_t>(number), size_);
    if (is("swap")) {
        sign_as_swap(content, number);
    }
    return content;
}

void Memory::put_in_place(unsigned number) {
    if (kind_->has_medium && number != in_place_) {
        const fs::path away = place_.string() + ".away";
        const fs::path other = place_.string() + ".other";
        fs::rename(place_, away);
        fs::rename(other, place_);
        fs::rename(away, other);
    }
    in_place_ = number;
    put_attributes();
}

std::string Memory::left(const RunResult& /*result*/, const Json& predicate) {
    return first_left(media().at(in_place_), static_cast<std::uint8_t>(in_place_),
                      unwritten_in(predicate));
}

void Memory::write_content(unsigned number, std::size_t from, const Bytes& bytes) {
    std::fstream file(medium(number), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(from));
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
}

void Memory::restore(unsigned number, std::size_t from, std::size_t to) {
    const auto content = fresh_content(number);
    if (kind_->has_medium) {
        write_content(number, from,
                      {content.begin() + static_cast<std::ptrdiff_t>(from),
                       content.begin() + static_cast<std::ptrdiff_t>(std::min(to, size_))});
        return;
    }
    stored_.at(number) = content;
    reset_.at(number) = false;
    put_attributes();
}

std::string Memory::interfere(Dice& dice) {
    fs::remove_all(around_.host.trees.proc / "4711");
    const auto at = dice.below(size_ / kSector) * kSector;
    switch (dice.below(6)) {
        case 0:
            if (!kind_->has_medium) {
                return {};
            }
            write_content(in_place_, at, content_of(kForeign, kSector));
            return "somebody writes one block";
        case 1:
            restore(in_place_, 0, size_);
            return "somebody restores everything";
        case 2:
            restore(in_place_, at, at + kSector);
            return "somebody restores one block";
        case 3:
            put_in_place(1 - in_place_);
            return "another one is in its place";
        case 4:
            cut_power();
            return "the power is gone for a moment";
        default: {
            const auto folder = around_.host.trees.proc / "4711";
            fs::create_directories(folder / "fd");
            put(folder / "comm", "postgres\n");
            put(folder / "stat",
                "4711 (postgres) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 9\n");
            fs::create_symlink(place_, folder / "fd/3");
            return "a process has it open";
        }
    }
}

std::string Memory::trouble(Dice& dice) {
    calls_ = 0;
    troubles_.reset();
    if (!dice.one_in(3)) {
        return {};
    }
    using Kind = fake::Fault::Kind;
    using Of = TargetCall::Kind;
    Troubles troubles;
    troubles.first = 1 + dice.below(12);
    troubles.last = dice.one_in(2) ? troubles.first : ~std::uint64_t{0};
    troubles.of = dice.of<Of>({Of::read, Of::write, Of::flush, Of::resize, Of::control});
    troubles.fault = {Kind::fail, dice.of<int>({EIO, ENOSPC, ENODEV}), 0};
    if (*troubles.of == Of::read || *troubles.of == Of::write) {
        troubles.fault.kind = dice.of<Kind>({Kind::fail, Kind::shorten, Kind::drop, Kind::corrupt});
        troubles.fault.bytes = dice.below(size_);
    }
    troubles_ = troubles;
    return "fault " + std::to_string(static_cast<int>(troubles.fault.kind)) + " of " +
           std::to_string(static_cast<int>(*troubles.of)) + " from call " +
           std::to_string(troubles.first) + (troubles.first == troubles.last ? "" : " on");
}

Ranges Memory::write_in_between(Dice& dice) {
    if (!kind_->has_medium) {
        return {};
    }
    const auto at = dice.below(size_ / kSector) * kSector;
    write_content(in_place_, at, content_of(kForeign, kSector));
    return {{at, at + kSector}};
}

/// What is not persistent is gone, and the machine starts anew.
void Memory::cut_power() {
    ++boot_;
    restarted_ = true;
    module_ends_.reset();
    for (const unsigned number : {0U, 1U}) {
        if (!kind_->volatile_content) {
            continue;
        }
        stored_.at(number).clear();
        reset_.at(number) = true;
        if (kind_->has_medium) {
            put(medium(number), std::string(size_, '\0'));
        }
    }
    if (is("brd")) {
        reset_ = {false, false};  // a device of that size is there again, and empty
    }
    put_boot();
    put_attributes();
}

void Memory::mend() {
    troubles_.reset();
    fs::remove_all(around_.host.trees.proc / "4711");
    around_.clock.advance(std::chrono::hours(1));
    time_passes();
    for (const unsigned number : {0U, 1U}) {
        if (reset_.at(number) || is("swap")) {  // somebody sets it up again
            restore(number, 0, size_);
        }
    }
    put_in_place(0);
}

std::unique_ptr<Storage> make_memory(Surroundings surroundings, Dice& dice) {
    return std::make_unique<Memory>(std::move(surroundings), dice);
}

}  // namespace efface::job::worlds
