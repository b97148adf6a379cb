// SPDX-License-Identifier: Apache-2.0
// Every value of every document of a job, edited in each way: as it was found, by its seal; and
// sealed again, as if a program had written it. Each case runs in a child process, as a failed
// assertion ends it. A fixture has `state`, and a function go_on(fixture, job) that returns what it
// saw of one more process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "efface/base/file.hpp"
#include "efface/job/jobs.hpp"

#include "bundles.hpp"
#include "catch.hpp"
#include "journal.hpp"

namespace efface::job::edits {

namespace fs = std::filesystem;

inline constexpr std::size_t kBytesMax = 1U << 20U;
/// One in so many values of a document a day, in one way; all of them, in every way, with
/// EFFACE_LONG=1.
inline constexpr std::size_t kEvery = 83;

struct Edit {
    const char* name;
    std::function<std::optional<Json>(const Json&)> make;  ///< nullopt: not for such a value
};

inline std::optional<Json> flipped(const Json& value) {
    if (value.is_boolean()) {
        return Json(!value.get<bool>());
    }
    if (value.is_number_unsigned()) {
        return Json(value.get<std::uint64_t>() ^ 1U);
    }
    if (value.is_string() && !value.get<std::string>().empty()) {
        auto text = value.get<std::string>();
        text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
        return Json(text);
    }
    return std::nullopt;
}

/// Without the first, which removes the value.
inline const std::vector<Edit>& all_edits() {
    static const std::vector<Edit> all = {
        {"null",
         [](const Json& value) { return value.is_null() ? std::nullopt : std::optional(Json()); }},
        {"other type",
         [](const Json& value) {
             return std::optional(value.is_string() ? Json(7) : Json("text"));
         }},
        {"list",
         [](const Json&) {
             return std::optional(Json::array({1, Json::object()}));
         }},
        {"negative", [](const Json&) { return std::optional(Json(-1)); }},
        {"huge", [](const Json&) { return std::optional(Json(UINT64_MAX)); }},
        {"large", [](const Json&) { return std::optional(Json(std::uint64_t{1} << 40U)); }},
        {"empty",
         [](const Json& value) {
             return value.is_string()   ? std::optional(Json(""))
                    : value.is_object() ? std::optional(Json::object())
                    : value.is_array()  ? std::optional(Json::array())
                                        : std::optional(Json(0));
         }},
        {"flipped", flipped},
    };
    return all;
}

/// Pointers to every value of a document, objects and lists included.
inline void collect(const Json& value, const std::string& at, std::vector<std::string>& found) {
    if (!at.empty()) {
        found.push_back(at);
    }
    if (value.is_object()) {
        for (const auto& [key, below] : value.items()) {
            collect(below, at + "/" + key, found);
        }
    } else if (value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i) {
            collect(value[i], at + "/" + std::to_string(i), found);
        }
    }
}

/// What a child process saw of one edited job.
struct Seen {
    int status = 0;  ///< of the run
    bool damaged = false;
    bool touched = false;
    bool lies = false;  ///< a success and old content, changed false and a change
    std::size_t bundles = 0;
    std::size_t proved = 0;
    std::array<char, 256> problem{};  ///< of a bundle that is not proved
    bool threw = false;
};

/// Runs `body` in a child; nullopt when it did not come to its end.
inline std::optional<Seen> in_child(const std::function<Seen()>& body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::close(ends[0]);
        Seen seen;
        try {
            seen = body();
        } catch (...) {
            seen.threw = true;
        }
        const auto written = ::write(ends[1], &seen, sizeof seen);
        ::_exit(written == static_cast<ssize_t>(sizeof seen) ? 0 : 1);
    }
    ::close(ends[1]);
    Seen seen;
    const auto got = ::read(ends[0], &seen, sizeof seen);
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const bool whole =
        got == static_cast<ssize_t>(sizeof seen) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return whole ? std::optional(seen) : std::nullopt;
}

inline void apply(const fs::path& file, const std::string& pointer, const Edit* edit, bool seal) {
    auto document = parse_json(read_text_file(file, kBytesMax).value(), "document");
    const Json::json_pointer at(pointer);
    if (edit == nullptr) {
        auto& parent = document[at.parent_pointer()];
        if (parent.is_array()) {
            parent.erase(std::stoul(at.back()));
        } else {
            parent.erase(at.back());
        }
    } else {
        document[at] = *edit->make(document.at(at));
    }
    write_file_durably(
        file, (seal ? sealed(document, file.parent_path().filename().string()) : document).dump());
}

inline Seen seen_of(const RunResult& result, bool same, bool old_remains, const Bundles& bundles) {
    Seen seen;
    seen.status = result.exit_code();
    seen.damaged = result.error && result.error->reason() == ReasonCode::journal_damaged;
    seen.touched = !same;
    seen.lies = (seen.status == 0 && old_remains) || (!result.changed && !same);
    seen.bundles = bundles.all;
    seen.proved = bundles.proved;
    bundles.problem.copy(seen.problem.data(), seen.problem.size() - 1);
    return seen;
}

inline bool is_long() {
    return std::getenv("EFFACE_LONG") != nullptr;
}

/// Those of earlier attempts, which a success comes to.
inline std::size_t failed_bundles(const StateDirectory& state) {
    const auto jobs = list_jobs(state);
    return static_cast<std::size_t>(std::count_if(
        jobs.begin(), jobs.end(),
        [](const JobEntry& job) { return job.phase == "done" && job.verdict == "not-sanitized"; }));
}

struct Counts {
    unsigned values = 0;
    unsigned cases = 0;
    unsigned refused = 0;
    unsigned done = 0;
};

inline void put_back(const fs::path& state, const fs::path& kept) {
    fs::remove_all(state);
    fs::copy(kept, state, fs::copy_options::recursive);
}

/// Those that change this value, from the one on whose turn it is; none is to remove it. The first
/// of them, or with EFFACE_LONG=1 each.
inline std::vector<const Edit*> edits_of(const Json& value, std::size_t turn) {
    std::vector<const Edit*> found;
    for (std::size_t i = 0; i <= all_edits().size(); ++i) {
        const auto number = (i + turn) % (all_edits().size() + 1);
        const Edit* edit = number == 0 ? nullptr : &all_edits()[number - 1];
        const auto made = edit == nullptr ? std::nullopt : edit->make(value);
        if (edit == nullptr || (made && *made != value)) {
            found.push_back(edit);
        }
    }
    if (!is_long()) {
        found.resize(1);
    }
    return found;
}

/// One value of one document of this job, each case in its own child.
template <typename Fixture>
void edit_value(Fixture& fixture, const std::string& job, const fs::path& file,
                const std::string& pointer, Counts& counts, std::size_t turn,
                const fs::path& kept) {
    const auto document = parse_json(read_text_file(file, kBytesMax).value(), "document");
    const auto bundles = failed_bundles(fixture.state);
    ++counts.values;
    for (const Edit* edit : edits_of(document.at(Json::json_pointer(pointer)), turn)) {
        for (const bool seal : {false, true}) {
            CAPTURE(file.filename().string(), pointer, edit == nullptr ? "removed" : edit->name,
                    seal);
            const auto seen = in_child([&] {
                apply(file, pointer, edit, seal);
                return go_on(fixture, job);
            });
            put_back(fixture.state.root, kept);
            ++counts.cases;
            REQUIRE(seen.has_value());  // else it was an abort
            CHECK_FALSE(seen->threw);
            if (!seal) {
                CHECK(seen->damaged);
                CHECK(seen->status == 1);
                CHECK_FALSE(seen->touched);
                continue;
            }
            CHECK_FALSE(seen->lies);
            INFO(seen->problem.data());
            CHECK(seen->proved == seen->bundles);
            counts.refused += seen->damaged ? 1U : 0U;
            counts.done += seen->status == 0 ? 1U : 0U;
            if (seen->damaged) {
                CHECK_FALSE(seen->touched);
            }
            if (seen->status == 0) {
                CHECK(seen->bundles == bundles + 1);
            }
        }
    }
}

template <typename Fixture>
Counts edit_all(Fixture& fixture, std::size_t turn) {
    Counts counts;
    const fake::ScratchDirectory kept;
    fs::copy(fixture.state.root, kept.path(), fs::copy_options::recursive);
    if (!fs::exists(fixture.state.jobs())) {
        return counts;  // nothing was kept yet
    }
    std::vector<fs::path> files;  // the folders are made anew for each case
    for (const auto& entry : fs::recursive_directory_iterator(fixture.state.jobs())) {
        if (entry.path().extension() == ".json" &&
            entry.path().parent_path().parent_path() == fixture.state.jobs()) {
            files.push_back(entry.path());
        }
    }
    for (const auto& file : files) {
        std::vector<std::string> pointers;
        collect(parse_json(read_text_file(file, kBytesMax).value(), "document"), "", pointers);
        REQUIRE(pointers.size() > 10);
        std::erase(pointers, "/sha256");
        const std::size_t step = is_long() ? 1 : std::min(kEvery, pointers.size());
        for (std::size_t i = turn++ % step; i < pointers.size(); i += step) {
            edit_value(fixture, file.parent_path().filename().string(), file, pointers[i], counts,
                       i / step + turn, kept.path());
        }
    }
    // Of each document one value at least, as it was found and sealed again.
    CHECK(counts.values >= files.size());
    CHECK((is_long() ? counts.cases > 8 * counts.values : counts.cases == 2 * counts.values));
    return counts;
}

}  // namespace efface::job::edits
