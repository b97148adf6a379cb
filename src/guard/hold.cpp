// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "efface/guard/guard.hpp"

#include "users/file_uses.hpp"

namespace efface::guard {
namespace {

[[noreturn]] void refuse(const std::string& path, ErrorCode status, ReasonCode code,
                         const std::string& what) {
    throw Error(status, code, printable(path) + ": " + what);
}

void refuse_uses(const std::string& path, std::vector<Use> uses, bool read_only_allowed) {
    if (read_only_allowed) {
        std::erase_if(uses, [](const Use& use) { return use.code == ReasonCode::read_only; });
    }
    if (uses.empty()) {
        return;
    }
    // What will not go by itself decides.
    const auto firm = std::find_if(uses.begin(), uses.end(), [](const Use& use) {
        return status_of(use.code) != ErrorCode::busy;
    });
    const Use& use = firm == uses.end() ? uses.front() : *firm;
    refuse(path, status_of(use.code), use.code,
           fmt::format("{}: {}", to_string(use.code), use.detail));
}

/// A target that is to be held.
class Candidate final {
  public:
    Candidate(Machine& machine, const HoldRequest& request, const inventory::Identity& now)
        : machine_(machine), request_(request), now_(now) {}

    /// As of now; its aliases when nothing uses it.
    std::vector<std::string> refuse_if_used() {
        auto users = machine_.users_of(now_, request_.moment);
        refuse_uses(request_.path, std::move(users.uses), request_.read_only_file_allowed);
        return std::move(users.aliases);
    }

    /// Whoever keeps it from being opened is named. Who held it for a moment only is gone after
    /// that: then it is tried once more.
    std::unique_ptr<HeldTarget> open(const std::string& path) {
        for (bool again = true;; again = false) {
            std::optional<Error> failure;
            try {
                return machine_.open(path, device::Access::exclusive);
            } catch (const Error& error) {
                failure = error;
            }
            (void)refuse_if_used();
            if (!again || failure->reason() != ReasonCode::busy) {
                throw_unopened(path, *failure);
            }
        }
    }

    /// Whoever keeps the lock is named.
    void lock_metadata(HeldTarget& target) {
        std::optional<Error> failure;
        try {
            return target.lock_metadata();
        } catch (const Error& error) {
            failure = error;
        }
        (void)refuse_if_used();
        throw *failure;
    }

  private:
    [[noreturn]] void throw_unopened(const std::string& path, const Error& failure) const {
        if (failure.reason() != ReasonCode::busy) {
            throw failure;
        }
        throw Error(ErrorCode::busy, ReasonCode::busy,
                    path == request_.path ? std::string(failure.what())
                                          : fmt::format("{}: another name of the same storage: {}",
                                                        printable(request_.path), failure.what()),
                    failure.hint());
    }

    Machine& machine_;
    const HoldRequest& request_;
    const inventory::Identity& now_;
};

/// The target, and every other name of its storage for as long.
class HeldWithAliases final : public HeldTarget {
  public:
    HeldWithAliases(std::unique_ptr<HeldTarget> target,
                    std::vector<std::unique_ptr<HeldTarget>> aliases)
        : target_(std::move(target)), aliases_(std::move(aliases)) {}
    device::BlockTarget& storage() override { return target_->storage(); }
    [[nodiscard]] device::TargetFacts facts() const override { return target_->facts(); }
    [[nodiscard]] device::ExtentReport extents() const override { return target_->extents(); }
    [[nodiscard]] bool direct_io() const override { return target_->direct_io(); }
    void lock_metadata() override { target_->lock_metadata(); }
    [[nodiscard]] int drop_cache() override { return target_->drop_cache(); }
    [[nodiscard]] device::ZoneControl* zones() override { return target_->zones(); }

  private:
    std::unique_ptr<HeldTarget> target_;
    std::vector<std::unique_ptr<HeldTarget>> aliases_;
};

void refuse_another(const HoldRequest& request, const inventory::Identity& now) {
    const auto refuse_it = [&](const std::string& what) {
        refuse(request.path, ErrorCode::safety, ReasonCode::other_identity, what);
    };
    if (now.canonical_path != request.path) {
        refuse_it("another device or file is there now");
    }
    if (request.disk_sequence && now.disk_sequence != request.disk_sequence) {
        refuse_it("it was removed and replaced by another one after it was confirmed");
    }
    if (request.recognise) {
        if (const auto why = request.recognise(now)) {
            refuse(request.path, ErrorCode::safety, why->code, why->text);
        }
    }
}

bool same_object(const device::TargetFacts& facts, const inventory::Identity& now) {
    if (facts.size_bytes != now.size_bytes) {
        return false;
    }
    return facts.is_block_device ? facts.disk_sequence == now.disk_sequence
                                 : facts.inode == now.inode;
}

}  // namespace

Held hold(Machine& machine, const HoldRequest& request) {
    const auto now = machine.identify(request.path);
    refuse_another(request, now);
    Candidate candidate(machine, request, now);
    // A file has no exclusive open: its lease is asked for instead, before a descriptor of our own
    // is in its way.
    if (now.kind == inventory::Kind::file && is_open_elsewhere(now)) {
        (void)candidate.refuse_if_used();
    }
    auto target = candidate.open(request.path);
    if (!same_object(target->facts(), now)) {
        refuse(request.path, ErrorCode::safety, ReasonCode::other_identity,
               "the device was replaced while it was being opened");
    }
    candidate.lock_metadata(*target);
    if (request.examine) {
        if (const auto why = request.examine(*target)) {
            refuse(request.path, ErrorCode::safety, why->code, why->text);
        }
    }
    // Nobody can begin to hold a device any more; who has it open without holding it is found now.
    std::vector<std::unique_ptr<HeldTarget>> aliases;
    std::set<std::string> names;
    for (bool more = true; more;) {  // each name once: bounded by the devices of the machine
        more = false;
        for (const auto& alias : candidate.refuse_if_used()) {
            if (names.insert(alias).second) {
                aliases.push_back(candidate.open(alias));
                more = true;
            }
        }
    }
    return {std::make_unique<HeldWithAliases>(std::move(target), std::move(aliases)),
            Clearance(request.path)};
}

Clearance clear_memory(const std::string& name, const Json& identity,
                       const std::function<MemoryLook()>& look) {
    const auto found = look();
    if (found.identity != identity) {
        refuse(name, ErrorCode::safety, ReasonCode::other_identity, "other storage is there now");
    }
    std::vector<Use> uses;
    for (const auto& objection : found.objections) {
        uses.push_back({objection.code, objection.text});
    }
    refuse_uses(name, std::move(uses), false);
    return Clearance(name);
}

}  // namespace efface::guard
