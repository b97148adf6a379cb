// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <thread>

#include "efface/base/digest.hpp"
#include "efface/device/name_lock.hpp"
#include "efface/guard/users.hpp"
#include "efface/inventory/machine_facts.hpp"
#include "efface/inventory/memory_facts.hpp"
#include "efface/method/memory.hpp"

#include "run.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kTokenDigits = 6;

struct KindEntry {
    const char* kind;
    std::unique_ptr<MemoryKind> (*make)(const MemoryKindContext&);
    bool removed = false;  ///< erasing it takes it away
};

const std::vector<KindEntry>& kinds() {
    static const std::vector<KindEntry> kKinds = {
        {"tmpfs", make_tree_kind},          {"ramfs", make_tree_kind},
        {"file", make_file_kind},           {"zram", make_zram_kind},
        {"brd", make_block_kind},           {"pmem", make_block_kind},
        {"devdax", make_devdax_kind},       {"dimm", make_security_kind},
        {"cxl", make_security_kind},        {"hugetlbfs", make_tree_kind},
        {"swap", make_swap_kind},           {"sysv", make_sysv_kind, true},
        {"mqueue", make_mqueue_kind, true}, {"hugepages", make_hugepool_kind},
        {"free", make_free_kind},
    };
    return kKinds;
}

const KindEntry* find_kind(std::string_view kind) {
    const auto found = std::find_if(kinds().begin(), kinds().end(),
                                    [&](const KindEntry& entry) { return entry.kind == kind; });
    return found == kinds().end() ? nullptr : &*found;
}

/// "scratch" of "/mnt/scratch", in characters that can be typed.
std::string short_name(const std::string& place) {
    std::string name = place.substr(place.rfind('/') + 1);
    std::replace_if(
        name.begin(), name.end(),
        [](char c) { return std::isgraph(static_cast<unsigned char>(c)) == 0; }, '_');
    return name.empty() ? "root" : name;
}

std::string token_of(const MemorySurvey& survey, const std::string& place) {
    const std::string digest = sha256_hex(canonical_json(survey.identity));
    const auto size = survey.identity.find("sizeBytes");
    const std::string middle =
        size == survey.identity.end() ? "" : size_text(size->get<std::uint64_t>()) + '-';
    return fmt::format("{}-{}{}", short_name(place), middle, digest.substr(0, kTokenDigits));
}

class KindMethod final : public MemoryMethod {
  public:
    KindMethod(MemoryKindContext context, ByteView key, std::unique_ptr<MemoryKind> kind)
        : context_(std::move(context)), key_(key), kind_(std::move(kind)) {}

    MemorySurvey survey() override;
    void began_with(MemoryBegan began) override { kind_->began_with(std::move(began)); }
    [[nodiscard]] bool as_left(const MemoryBegan& began) override;
    [[nodiscard]] Outcome run(guard::Clearance clearance, ProgressSink& progress,
                              std::stop_token stop) override;

  private:
    [[nodiscard]] MemorySurvey look();
    [[nodiscard]] MemorySurvey look_once();
    [[nodiscard]] bool is_worked_on() const;
    void hold();
    [[nodiscard]] Outcome run_held(ProgressSink& progress, std::stop_token stop);
    [[nodiscard]] Json identity_after();

    MemoryKindContext context_;
    SecretBytes key_;
    std::unique_ptr<MemoryKind> kind_;
    std::optional<MemorySurvey> last_;
    std::optional<device::NameLock> held_;
};

/// Beside proc, as in a recording.
std::filesystem::path lock_file(const inventory::SystemView& view) {
    return view.proc.parent_path() / "run" / "efface-memory.lock";
}

bool has_busy(const std::vector<Reason>& objections) {
    return std::any_of(objections.begin(), objections.end(),
                       [](const Reason& one) { return one.code == ReasonCode::busy; });
}

bool only_busy(const std::vector<Reason>& objections) {
    return has_busy(objections) &&
           std::all_of(objections.begin(), objections.end(),
                       [](const Reason& one) { return one.code == ReasonCode::busy; });
}

/// The one place that decides what two effaces on one target see of each other: what the other one
/// does is not a reason of its own.
void conclude(MemorySurvey& survey, const std::string& worked_on) {
    auto& objections = survey.objections;
    if (!worked_on.empty()) {
        objections.push_back({ReasonCode::busy, worked_on});
    }
    if (!has_busy(objections)) {
        objections.insert(objections.end(), survey.traces.begin(), survey.traces.end());
    }
    survey.traces.clear();
}

[[noreturn]] void refuse_busy(const std::string& name, const std::string& why) {
    throw Error(ErrorCode::busy, ReasonCode::busy, fmt::format("{}: {}", name, why),
                "try again when it has ended");
}

constexpr const char* kWorkedOn = "another efface is working on it";

bool KindMethod::is_worked_on() const {
    return !held_ && device::NameLock::is_held(lock_file(context_.view), to_string(context_.name));
}

/// From the last look before anything is changed until it has ended.
void KindMethod::hold() {
    held_ = device::NameLock::acquire(lock_file(context_.view), to_string(context_.name));
    if (held_->state() == device::NameLock::State::elsewhere) {
        held_.reset();
        refuse_busy(printable(to_string(context_.name)), kWorkedOn);
    }
}

/// Who looks at it only is gone in a moment, and who erases it maybe, too.
MemorySurvey KindMethod::look() {
    constexpr std::chrono::milliseconds kPause{100};
    const auto began = context_.clock->steady_now();
    auto survey = look_once();
    // What guard says of a device was waited for already. Bounded where the clock stands still,
    // too.
    for (auto i = guard::kOpenersWait / kPause;
         i > 0 && context_.view.live && only_busy(survey.objections) &&
         context_.clock->steady_now() - began < guard::kOpenersWait;
         --i) {
        std::this_thread::sleep_for(kPause);
        survey = look_once();
    }
    return survey;
}

MemorySurvey KindMethod::look_once() {
    const bool worked_on = is_worked_on();
    MemorySurvey survey;
    try {
        survey = kind_->survey();
    } catch (const Error& error) {
        if (worked_on) {
            refuse_busy(printable(to_string(context_.name)), kWorkedOn);
        }
        throw;
    }
    conclude(survey, worked_on ? kWorkedOn : "");
    const auto machine = inventory::read_memory_facts(context_.view);
    survey.identity["kind"] = context_.name.kind;
    survey.identity["place"] = printable(context_.name.place);
    // A kind whose content outlives a restart knows its target again.
    if (!survey.identity.contains("bootId")) {
        survey.identity["bootId"] = machine.boot_id;
    }
    survey.facts["kind"] = context_.name.kind;
    survey.facts["machine"] = inventory::to_json(machine);
    survey.facts["machine"]["states"] =
        inventory::states_of(inventory::read_machine_facts(context_.view));
    for (auto& area : inventory::memory_not_reached(machine)) {
        survey.not_reached.push_back(std::move(area));
    }
    if (survey.confirm_token.empty()) {
        const auto& name = context_.name;
        survey.confirm_token = token_of(survey, name.place.empty() ? name.kind : name.place);
    }
    return survey;
}

MemorySurvey KindMethod::survey() {
    last_ = look();
    return *last_;
}

Json KindMethod::identity_after() {
    try {
        return kind_->identity_after();
    } catch (const Error& error) {
        return ObjectWriter().add("unreadable", printable(error.what())).take();
    }
}

bool KindMethod::as_left(const MemoryBegan& began) {
    class NoProgress final : public ProgressSink {
        void advance(std::uint64_t /*bytes*/) override {}
    } nobody;
    if (began.keys.empty()) {
        return false;
    }
    MemoryRun look_only("", began.keys.back().view(), *context_.clock, nobody, {});
    try {
        MemoryBegan copy;
        copy.identity = began.identity;
        copy.left = began.left;
        for (const auto& key : began.keys) {
            copy.keys.emplace_back(key.view());
        }
        kind_->began_with(std::move(copy));
        return kind_->is_away() || (look().identity == began.identity && kind_->as_left(look_only));
    } catch (const Error&) {
        return false;
    }
}

Outcome KindMethod::run(guard::Clearance clearance, ProgressSink& progress, std::stop_token stop) {
    EFFACE_ASSERT(clearance.path() == to_string(context_.name));
    hold();
    // Let go of however it ends.
    const auto let_go = [this](void*) { held_.reset(); };
    const std::unique_ptr<void, decltype(let_go)> holding(this, let_go);
    return run_held(progress, std::move(stop));
}

Outcome KindMethod::run_held(ProgressSink& progress, std::stop_token stop) {
    const MemorySurvey before = look();
    const std::string name = printable(to_string(context_.name));
    if (last_ && last_->identity != before.identity) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    name + ": has changed since it was examined",
                    "check again with: efface plan " + name);
    }
    if (!before.objections.empty()) {
        std::string texts;
        for (const auto& objection : before.objections) {
            texts += (texts.empty() ? "" : "; ") + objection.text;
        }
        throw Error(only_busy(before.objections) ? ErrorCode::busy : ErrorCode::safety,
                    before.objections.front().code, fmt::format("{}: {}", name, texts),
                    "release it, then run the command again");
    }
    last_ = before;
    MemoryRun work(kind_->technique(), key_.view(), *context_.clock, progress, std::move(stop));
    work.observe("looked at before",
                 ObjectWriter().add("identity", before.identity).add("facts", before.facts).take());
    try {
        kind_->erase(work);
    } catch (const Error& error) {
        if (!work.touched() && error.reason() == ReasonCode::busy) {
            refuse_busy(name, printable(error.what()));
        }
        if (!work.touched()) {
            throw;
        }
        // Something was changed already: a record must tell of it.
        work.fail({error.reason(), printable(error.what())});
    }
    return work.finish(before, identity_after());
}

}  // namespace

bool is_removed_by_erasing(const inventory::MemoryTargetName& name) {
    const KindEntry* entry = find_kind(name.kind);
    return entry != nullptr && entry->removed;
}

std::unique_ptr<MemoryMethod> make_memory_method(const inventory::MemoryTargetName& name,
                                                 ByteView key, const Clock& clock,
                                                 const inventory::SystemView& view) {
    EFFACE_ASSERT(key.size() == stream::kStreamKeyBytes);
    const KindEntry* entry = find_kind(name.kind);
    EFFACE_ASSERT(entry != nullptr);
    MemoryKindContext context{name, view, &clock};
    auto kind = entry->make(context);
    return std::make_unique<KindMethod>(std::move(context), key, std::move(kind));
}

}  // namespace efface::method
