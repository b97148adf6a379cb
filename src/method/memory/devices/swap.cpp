// SPDX-License-Identifier: Apache-2.0
// A swap area: taken out of use, then overwritten as a whole and compared with direct reads, since
// a buffered one shows what the page cache has and not what the slots hold.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/device/linux_target.hpp"
#include "efface/device/memory/memory_target.hpp"
#include "efface/guard/users.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "memory/attributes.hpp"
#include "swap_area.hpp"

namespace efface::method {

namespace {

/// Memory that must stay free while everything in the area comes back.
constexpr std::uint64_t kMemoryReserveBytes = std::uint64_t{64} << 20U;

constexpr std::size_t kFirstSectorBytes = 512;

class SwapKind final : public MemoryKind {
  public:
    explicit SwapKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "swapoff, then overwrite the whole area in place, compare with direct reads";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override {
        return inventory::to_json(inventory::identify(context_.name.place, context_.view));
    }
    bool as_left(MemoryRun& look) override;

  private:
    /// The area itself, whatever leads to it.
    struct Opened {
        UniqueFd fd;
        struct stat status {};
        [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", fd.get()); }
    };
    [[nodiscard]] Opened open() const;
    void object(MemorySurvey& survey, const inventory::Identity& identity, const Opened& opened,
                const inventory::MemoryFacts& machine);
    void object_to_other_effaces(MemorySurvey& survey, const struct stat& status) const;
    [[nodiscard]] bool restarted_since(const inventory::Identity& identity) const;
    /// Takes the values of what the job began with.
    void adopt(MemorySurvey& survey, const std::vector<std::string>& keys) const;
    void take_own_work(MemorySurvey& survey, const inventory::Identity& identity,
                       const inventory::Signature& signature, const Opened& opened);
    [[nodiscard]] bool first_sector_is_ours(const Opened& opened, bool restarted) const;
    [[nodiscard]] bool take_out_of_use(MemoryRun& run, const Opened& opened) const;
    void overwrite(MemoryRun& run, const Opened& opened) const;
    void reset(MemoryRun& run, const inventory::Identity& identity) const;

    MemoryKindContext context_;
    struct stat looked_at_ {};  ///< at survey()
    bool own_work_ = false;     ///< an earlier process of this job overwrote its signature
};

SwapKind::Opened SwapKind::open() const {
    const std::string& place = context_.name.place;
    Opened opened;
    opened.fd = open_file(place, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, ErrorCode::usage);
    if (::fstat(opened.fd.get(), &opened.status) != 0) {
        throw_errno(ErrorCode::internal, printable(place) + ": reading its status failed", errno);
    }
    return opened;
}

std::string zram_name(const inventory::Identity& identity) {
    return std::filesystem::path(identity.canonical_path).filename().string();
}

Bytes read_first_sector(int fd) {
    Bytes sector(kFirstSectorBytes);
    const ssize_t got = ::pread(fd, sector.data(), sector.size(), 0);
    sector.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return sector;
}

/// It still is as the job found it, or holds the pattern of one of its attempts. After a restart
/// only the pattern tells: before a swap header stand zeros, as on many a device.
bool SwapKind::first_sector_is_ours(const Opened& opened, bool restarted) const {
    const Bytes sector = read_first_sector(opened.fd.get());
    if (sector.empty() || (!restarted && began_value("firstSectorSha256") == sha256_hex(sector))) {
        return !sector.empty();
    }
    return std::any_of(began()->keys.begin(), began()->keys.end(), [&](const auto& key) {
        Bytes expected(sector.size());
        stream::KeyedStream(key.view()).fill(0, expected);
        return expected == sector;
    });
}

/// Of this job: the signature that it overwrote, the size of a zram device that it reset, and the
/// numbers that an area had before the machine was restarted.
void SwapKind::take_own_work(MemorySurvey& survey, const inventory::Identity& identity,
                             const inventory::Signature& signature, const Opened& opened) {
    std::vector<std::string> keys = {"signatureUuid", "firstSectorSha256"};
    own_work_ = false;
    if (began() == nullptr) {
        return;
    }
    const bool restarted = restarted_since(identity);
    if (restarted) {  // the kernel numbers devices again
        keys.insert(keys.end(), {"canonicalPath", "deviceNumber", "diskSequence", "bootId"});
    }
    if (!signature.type.empty()) {
        // Not begun with: known by its UUID.
        const std::vector<std::string> renumbered(keys.begin() + 2, keys.end());
        if (restarted && began_value("signatureUuid").is_string() &&
            is_began_but_for(survey.identity, renumbered)) {
            adopt(survey, renumbered);
        }
        return;
    }
    if (identity.kind == inventory::Kind::zram && identity.size_bytes == 0) {
        keys.insert(keys.end(), {"sizeBytes", "writeBackDevice"});
        own_work_ = is_began_but_for(survey.identity, keys);
    } else {
        own_work_ =
            is_began_but_for(survey.identity, keys) && first_sector_is_ours(opened, restarted);
    }
    if (own_work_) {
        adopt(survey, keys);
    }
}

/// What is in zram is gone with the machine.
bool SwapKind::restarted_since(const inventory::Identity& identity) const {
    return began() != nullptr && identity.kind != inventory::Kind::zram &&
           began_value("bootId") != inventory::read_memory_facts(context_.view).boot_id;
}

void SwapKind::adopt(MemorySurvey& survey, const std::vector<std::string>& keys) const {
    for (const auto& key : keys) {
        if (began()->identity.contains(key)) {
            survey.identity[key] = began()->identity.at(key);
        }
    }
}

void SwapKind::object(MemorySurvey& survey, const inventory::Identity& identity,
                      const Opened& opened, const inventory::MemoryFacts& machine) {
    const auto [area, unknown] = active_swap_area(opened.status, machine);
    if (unknown) {
        survey.objections.push_back({ReasonCode::unreadable_state,
                                     "the list of swap areas does not show whether it is active"});
    }
    for (const auto& use : guard::uses_of(identity, context_.view)) {
        // That it is the named swap area is what we are here for; that it is held follows.
        if (area && (use.code == ReasonCode::swap || use.code == ReasonCode::busy)) {
            continue;
        }
        survey.objections.push_back(objection_of(use));
    }
    if (area) {
        object_to_other_effaces(survey, opened.status);
    }
    if (area && area->used_bytes + kMemoryReserveBytes > machine.available_bytes) {
        survey.objections.push_back(
            {ReasonCode::too_little_memory,
             fmt::format(
                 "it holds {} bytes, but only {} bytes of memory are available to take them",
                 area->used_bytes, machine.available_bytes)});
    }
    const bool reset_zram_device = identity.size_bytes == 0;
    const auto signature =
        reset_zram_device ? inventory::Signature{} : swap_area_signature(opened.path());
    if (identity.kind == inventory::Kind::zram) {
        survey.identity["writeBackDevice"] = write_back_device(zram_name(identity), context_.view);
    }
    if (!signature.uuid.empty()) {
        survey.identity["signatureUuid"] = printable(signature.uuid);
    }
    survey.identity["firstSectorSha256"] = sha256_hex(read_first_sector(opened.fd.get()));
    take_own_work(survey, identity, signature, opened);
    if (!area && !own_work_ && !is_swap_signature(signature.type)) {
        survey.traces.push_back(
            {ReasonCode::other_identity,
             restarted_since(identity)
                 ? "the machine was restarted, and the area begins neither with what this job "
                   "wrote nor with its former swap signature: erase the device itself in a new run"
             : signature.type.empty() ? "it is not an active swap area and has no swap signature"
                                      : fmt::format("it is not a swap area: it contains {}",
                                                    printable(signature.type))});
    }
    survey.facts["active"] = area.has_value();
    survey.facts["usedBytes"] = area ? area->used_bytes : 0;
    survey.facts["signature"] = printable(signature.type);
}

/// One that takes it out of use has it open, as the kernel has, which is what we are here for.
void SwapKind::object_to_other_effaces(MemorySurvey& survey, const struct stat& status) const {
    inventory::FileKey key;
    key.device = status.st_dev;
    key.inode = status.st_ino;
    if (S_ISBLK(status.st_mode)) {
        key.device_number = status.st_rdev;
        key.is_block = true;
    }
    efface::method::object_to_other_effaces(survey, inventory::processes_using(key, context_.view));
}

MemorySurvey SwapKind::survey() {
    const Opened opened = open();
    const auto identity = inventory::identify(context_.name.place, context_.view);
    const bool named = S_ISBLK(opened.status.st_mode)
                           ? makedev(identity.major, identity.minor) == opened.status.st_rdev
                           : identity.inode == opened.status.st_ino;
    if (!named) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    printable(context_.name.place) + ": was replaced while it was being examined");
    }
    looked_at_ = opened.status;
    const auto machine = inventory::read_memory_facts(context_.view);
    const auto layers = inventory::layers_below(identity, context_.view);
    MemorySurvey survey;
    survey.identity = inventory::to_json(identity);
    survey.identity["sizeBytes"] = identity.size_bytes;
    survey.confirm_token = identity.kind == inventory::Kind::file ? "" : identity.serial;
    survey.size_bytes = identity.size_bytes;
    survey.facts = ObjectWriter()
                       .add("contentFreed", identity.kind == inventory::Kind::zram)
                       .add("swappable", false)
                       .add("persistent", identity.kind != inventory::Kind::zram)
                       .add("layers", inventory::to_json(layers))
                       .take();
    object(survey, identity, opened, machine);
    survey.steps = {"swapoff: moves everything in the area back into memory"};
    if (identity.kind == inventory::Kind::zram) {
        survey.steps.emplace_back("reset the zram device, and check that it stores nothing");
    } else {
        survey.steps.push_back(
            fmt::format("overwrite all {}, including its header, with a keyed AES-256-CTR stream "
                        "and direct I/O, then flush",
                        size_text(identity.size_bytes)));
        survey.steps.emplace_back("read everything back with direct I/O and compare");
    }
    survey.steps.emplace_back(
        "leave it out of use: its swap signature is gone; to use it again, run mkswap and swapon");
    return survey;
}

/// By the descriptor: a path in the list may lead to something else by now.
bool SwapKind::take_out_of_use(MemoryRun& run, const Opened& opened) const {
    const auto before = inventory::read_memory_facts(context_.view);
    const auto area = active_swap_area(opened.status, before).area;
    if (!area) {
        run.step("swapoff", "not needed", "it is not in use");
        return true;
    }
    if (before.zswap_bytes != 0U) {
        run.except({ReasonCode::zswap_pages,
                    "zswap: compressed copies of pages of this area may be in its pool in memory; "
                    "swapoff frees them but does not clear them"});
    }
    run.touch();
    const int error = device::swap_off(opened.path());
    run.step("swapoff", error == 0 ? "done" : "refused",
             error == 0 ? fmt::format("{} bytes were moved back into memory", area->used_bytes)
                        : errno_text(error));
    if (error != 0) {
        run.fail({ReasonCode::kernel_refused, "swapoff failed: " + errno_text(error)});
        return false;
    }
    const auto machine = inventory::read_memory_facts(context_.view);
    const bool gone = machine.swaps && !active_swap_area(opened.status, machine).area;
    run.control("not-in-use", gone ? ControlResult::pass : ControlResult::fail,
                gone ? "not in the list of swap areas" : "still in the list of swap areas");
    return gone;
}

void SwapKind::overwrite(MemoryRun& run, const Opened& opened) const {
    const auto target = device::LinuxTarget::open(context_.name.place, device::Access::exclusive);
    const auto facts = target->facts();
    const bool file = !facts.is_block_device;
    if (file
            ? facts.inode != opened.status.st_ino || facts.filesystem_device != opened.status.st_dev
            : facts.device_number != opened.status.st_rdev) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    printable(context_.name.place) + ": another area is there now");
    }
    const auto before = file ? device::extents_of(target->descriptor()) : device::ExtentReport{};
    run.step("open exclusively", "done", target->direct_io() ? "direct I/O" : "no direct I/O");
    if (!target->direct_io()) {
        run.doubt({ReasonCode::cached_reads,
                   "without direct I/O a read shows the page cache, not the area"});
    }
    overwrite_and_check(*target, run);
    if (!file) {
        return;
    }
    const auto after = device::extents_of(target->descriptor());
    run.observe("extents", ObjectWriter()
                               .add("filesystem", printable(after.filesystem))
                               .add("before", before.extent_count)
                               .add("after", after.extent_count)
                               .take());
    if (!before.supported || !after.supported) {
        run.doubt({ReasonCode::facts_unknown,
                   "the file system does not report where the file's blocks are"});
    } else if (device::blocks_moved(before.extents, after.extents)) {
        run.fail({ReasonCode::blocks_moved,
                  "the file's blocks moved while they were overwritten: old ones may remain"});
    }
    if (after.copy_on_write || after.shared_count > 0 || after.encoded_count > 0) {
        run.except({ReasonCode::copy_on_write,
                    "blocks that the file system may have copied elsewhere (copy-on-write, shared "
                    "or encoded extents)"});
    }
}

void SwapKind::reset(MemoryRun& run, const inventory::Identity& identity) const {
    const Json backing = began_value("writeBackDevice");
    if (reset_zram(run, zram_name(identity), context_.view,
                   backing.is_string() ? backing.get<std::string>() : "")) {
        run.complete();
    }
}

bool SwapKind::as_left(MemoryRun& look) {
    const Opened opened = open();
    if (active_swap_area(opened.status, inventory::read_memory_facts(context_.view)).area) {
        return false;
    }
    const auto target = device::LinuxTarget::open(context_.name.place, device::Access::read_only);
    // A zram device that was reset has no bytes.
    return target->size_bytes() == 0 || holds_pattern(*target, look);
}

void SwapKind::erase(MemoryRun& run) {
    Opened opened = open();
    if (!same_storage(opened.status, looked_at_)) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    printable(context_.name.place) + ": another area is there now");
    }
    const auto identity = inventory::identify(context_.name.place, context_.view);
    if (!take_out_of_use(run, opened)) {
        return;
    }
    if (identity.kind == inventory::Kind::zram) {
        opened.fd.reset();  // the kernel resets none that is open
        reset(run, identity);
        return;
    }
    overwrite(run, opened);
    const auto signature = inventory::probe_signature(opened.path());
    run.control("no-signature",
                signature.code == 1   ? ControlResult::pass
                : signature.code == 0 ? ControlResult::fail
                                      : ControlResult::unknown,
                signature.code == 1
                    ? "libblkid finds nothing"
                    : fmt::format("libblkid: {} {}", signature.code, printable(signature.type)));
}

}  // namespace

std::unique_ptr<MemoryKind> make_swap_kind(const MemoryKindContext& context) {
    return std::make_unique<SwapKind>(context);
}

}  // namespace efface::method
