// SPDX-License-Identifier: Apache-2.0
#include "erase_options.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "efface/method/memory.hpp"

namespace efface::cli {

namespace {

/// What an order says itself.
constexpr std::array kOfTheOrder{"--technique",
                                 "--level",
                                 "--fallback",
                                 "--credential-file",
                                 "--credential-authority",
                                 "--pattern",
                                 "--verify",
                                 "--bad-blocks",
                                 "--min-rate",
                                 "--when-slow",
                                 "--deadline",
                                 "--when-late",
                                 "--max-temperature",
                                 "--when-hot",
                                 "--refuse-failing"};

/// The options of triage, in the order of mandate::health_limit_rows().
struct HealthOption {
    const char* name;
    const char* help;
    mandate::HealthLimits::Limit mandate::HealthLimits::*limit;
};
constexpr std::array kHealthOptions{
    HealthOption{"--max-reallocated", "Refuse a drive with more reallocated sectors",
                 &mandate::HealthLimits::reallocated_max},
    HealthOption{"--max-pending", "Refuse a drive with more pending sectors",
                 &mandate::HealthLimits::pending_max},
    HealthOption{"--max-media-errors", "Refuse a drive with more uncorrected media errors",
                 &mandate::HealthLimits::media_errors_max},
    HealthOption{"--max-hours", "Refuse a drive with more hours powered on",
                 &mandate::HealthLimits::power_on_hours_max},
    HealthOption{"--max-wear", "Refuse a drive with more percent of its life used",
                 &mandate::HealthLimits::wear_percent_max},
    HealthOption{"--min-spare", "Refuse a drive with less percent of its spare left",
                 &mandate::HealthLimits::spare_percent_min}};

constexpr std::uint64_t kPercentMax = 100;

mandate::Then then_of(const std::string& text) {
    return mandate::then_from_string(text).value_or(mandate::Then::stop);
}

std::vector<const char*> of_the_order() {
    std::vector<const char*> names(kOfTheOrder.begin(), kOfTheOrder.end());
    for (const auto& option : kHealthOptions) {
        names.push_back(option.name);
    }
    return names;
}

}  // namespace

std::vector<std::string> names_of(const std::vector<job::TargetRequest>& requests) {
    std::vector<std::string> names;
    for (const auto& request : requests) {
        names.push_back(request.target);
    }
    return names;
}

void TargetOptions::add_to(Command command) {
    command_ = command;
    command.add("target", targets, "Block devices, files, or memory:KIND:PLACE (see efface(8))")
        .kind("TARGET");
    command.add("--order", order, "Signed order: its targets, technique and terms").kind("FILE");
    command.add("--technique", technique, "See TECHNIQUES in efface(8)")
        .kind("TECHNIQUE")
        .show_default();
    command.add("--level", level, "Level to reach: the best technique of the drive is used")
        .one_of({"clear", "purge"});
    command
        .add("--fallback", fallbacks,
             "Technique to use if the drive does not support the first one; can be repeated")
        .kind("TECHNIQUE")
        .one_value();
    command
        .add("--credential-file", credential_file,
             "PSID or password for a TCG technique; a line feed at its end is ignored")
        .kind("FILE");
    command
        .add("--credential-authority", credential_authority,
             "Whose credential it is; without it that of the technique")
        .one_of({"psid", "sid", "admin", "erase-master"});
    command.add("--pattern", pattern, "Bytes in hex, for overwrite-pattern").kind("HEX");
    command.add("--verify", verification, "What is read back")
        .one_of({"full", "representative", "none"})
        .show_default();
    command.add("--bad-blocks", bad_blocks, "What to do about unreachable blocks: except or fail")
        .one_of({"except", "fail"})
        .show_default();
    command.add("--min-rate", min_rate, "Lowest rate, such as 10MB (per second)").bytes_with_unit();
    command.add("--when-slow", when_slow, "What then").one_of({"go-on", "stop"});
    command.add("--deadline", deadline, "Longest time, such as 12h").seconds_with_unit();
    command.add("--when-late", when_late, "What then").one_of({"go-on", "stop"});
    command.add("--max-temperature", max_temperature, "Degrees Celsius").between(1U, 150U);
    command.add("--when-hot", when_hot, "What then").one_of({"go-on", "pause", "stop"});
    for (const auto& option : kHealthOptions) {
        const bool percent = option.limit == &mandate::HealthLimits::spare_percent_min;
        auto value = command.add(option.name, health.*option.limit, option.help);
        percent ? value.between(0, kPercentMax) : value.at_least(0);
    }
    command.flag("--refuse-failing", health.refuse_failing,
                 "Refuse a drive that reports that it is failing");
    command.flag("--sweep", sweep, "After targets in memory, also sweep free memory (memory:free)");
}

std::optional<mandate::Order> TargetOptions::load_order() const {
    if (order.empty()) {
        return std::nullopt;
    }
    if (sweep) {
        throw Error(ErrorCode::usage,
                    "--sweep cannot be combined with --order: the order contains it");
    }
    for (const auto* name : of_the_order()) {
        if (command_->given(name)) {
            throw Error(
                ErrorCode::usage,
                std::string(name) + " cannot be combined with --order: the order contains it");
        }
    }
    return mandate::load_order(order);
}

mandate::ErasureChoice TargetOptions::choice() const {
    mandate::ErasureChoice choice;
    choice.policy =
        level.empty() || command_->given("--technique") ? technique : mandate::kPolicyAuto;
    choice.level = method::level_from_string(level).value_or(method::Level::none);
    choice.fallbacks = fallbacks;
    if (!credential_file.empty()) {
        choice.credential_file =
            std::filesystem::absolute(credential_file).lexically_normal().string();
    }
    choice.credential_authority = mandate::authority_from_string(credential_authority);
    const auto bytes = from_hex(pattern);
    if (!bytes) {
        throw Error(ErrorCode::usage, "--pattern: must be bytes in hex, such as a5");
    }
    choice.pattern = *bytes;
    choice.verification =
        mandate::verification_from_string(verification).value_or(mandate::Verification::full);
    choice.whole_medium =
        mandate::asks_the_drive(choice) && command_->given("--verify") && verification == "full";
    choice.bad_blocks_are_exceptions = bad_blocks == "except";
    choice.limits.bytes_per_second_min = min_rate;
    choice.limits.when_slow = then_of(when_slow);
    constexpr std::uint64_t kSecondsMax = INT32_MAX;  // check_choice() says what is too long
    choice.limits.deadline = std::chrono::seconds(std::min(deadline, kSecondsMax));
    choice.limits.when_late = then_of(when_late);
    choice.limits.celsius_max = static_cast<int>(max_temperature);
    choice.limits.when_hot = then_of(when_hot);
    choice.health = health;
    mandate::check_choice(choice);
    return choice;
}

std::vector<job::TargetRequest> TargetOptions::requests(const mandate::Order* loaded) const {
    std::vector<std::string> names = targets;
    if (loaded != nullptr && names.empty()) {
        for (const auto& target : loaded->targets) {
            names.push_back(target.name);
        }
    }
    if (names.empty()) {
        throw Error(ErrorCode::usage,
                    "name at least one target: a device, a file or memory:KIND:PLACE",
                    "efface list shows the storage of this machine");
    }
    const bool memory = std::any_of(names.begin(), names.end(), [](const auto& name) {
        return inventory::parse_memory_target(name).has_value();
    });
    if (sweep) {
        if (!memory) {
            throw Error(ErrorCode::usage, "--sweep needs targets in memory",
                        "to sweep free memory alone: efface erase memory:free");
        }
        if (std::find(names.begin(), names.end(), inventory::kFreeMemoryTarget) == names.end()) {
            names.emplace_back(inventory::kFreeMemoryTarget);
        }
    }
    for (const auto* option : of_the_order()) {
        if (memory && command_->given(option)) {
            throw Error(ErrorCode::usage, std::string(option) + ": memory has its own methods");
        }
    }
    const auto how = loaded != nullptr ? loaded->choice : choice();
    std::vector<job::TargetRequest> list;
    for (const auto& name : names) {
        job::TargetRequest request;
        // An order names absolute paths; what a person types may be relative.
        request.target = loaded != nullptr || inventory::parse_memory_target(name)
                             ? name
                             : std::filesystem::absolute(name).lexically_normal().string();
        request.choice = how;
        request.order = loaded;
        const bool twice = std::any_of(list.begin(), list.end(), [&](const auto& other) {
            return other.target == request.target;
        });
        if (twice) {
            throw Error(ErrorCode::usage, name + " is listed twice");
        }
        list.push_back(std::move(request));
    }
    return list;
}

}  // namespace efface::cli
