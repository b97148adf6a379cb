// SPDX-License-Identifier: Apache-2.0
#include "frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "efface/view/page.hpp"

#include "text.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kNameMax = 24;
constexpr std::size_t kBarMin = 10;
constexpr std::size_t kBarMax = 30;
constexpr std::size_t kGap = 2;

/// By its last part where the whole is too long.
std::string short_name(const std::string& name) {
    const auto slash = name.rfind('/');
    return view::columns_of(name) <= kNameMax || slash == std::string::npos
               ? name
               : name.substr(slash + 1);
}

/// "1.3 of 4.0 GiB", or "900.0 MiB of 4.0 GiB".
std::string part_of(std::uint64_t part, std::uint64_t whole) {
    const auto first = human_bytes(part);
    const auto second = human_bytes(whole);
    const auto unit = second.substr(second.find(' '));
    return (first.ends_with(unit) ? first.substr(0, first.size() - unit.size()) : first) + " of " +
           second;
}

std::string amount_of(const Progress& progress) {
    if (progress.phase.empty()) {
        return part_of(progress.done, progress.total);
    }
    const bool transfers =
        progress.phase.starts_with("writing") || progress.phase.starts_with("reading");
    if (!transfers) {
        return {};
    }
    return progress.phase_total == 0 ? human_bytes(progress.phase_done)
                                     : part_of(progress.phase_done, progress.phase_total);
}

std::string bar_of(const Progress& progress, std::size_t columns) {
    const std::size_t inside = columns - 2;
    const auto at = [&](double share) {
        return std::min(inside, static_cast<std::size_t>(share * static_cast<double>(inside)));
    };
    const auto filled = at(progress.total == 0 ? 1.0
                                               : static_cast<double>(progress.done) /
                                                     static_cast<double>(progress.total));
    std::string bar(filled, '=');
    bar.resize(inside, '.');
    const auto mark = at(progress.phase_ends);
    if (progress.phase_ends > 0 && progress.phase_ends < 1 && mark < inside) {
        bar[mark] = '|';
    }
    return "[" + bar + "]";
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) {
        text += (text.empty() || part.empty() ? "" : std::string(kGap, ' ')) + part;
    }
    return text;
}

/// What of `text` fits; the screen would cut it anyway.
std::string cut(std::string text, unsigned columns) {
    while (columns != 0 && view::columns_of(text) > columns) {
        text.pop_back();
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U) {
            text.pop_back();
        }
    }
    return text;
}

std::string counted(const std::vector<Progress>& targets, const std::string& ended) {
    const auto slowest = std::min_element(
        targets.begin(), targets.end(),
        [](const Progress& a, const Progress& b) { return a.percent() < b.percent(); });
    std::uint64_t left = 0;
    std::size_t failing = 0;
    for (const auto& target : targets) {
        left = std::max(left, target.seconds_left.value_or(0));
        failing += target.failed != 0 ? 1 : 0;
    }
    std::string text =
        fmt::format("{} running{}{}", targets.size(), ended.empty() ? "" : ", ", ended);
    text += fmt::format("; least far {} %", slowest->percent());
    text += left == 0 ? "" : ", all done in " + human_seconds(left);
    text += failing == 0 ? "" : fmt::format("; {} with blocks that FAILED", failing);
    return text;
}

}  // namespace

std::uint64_t Progress::percent() const {
    constexpr double kHundred = 100.0;
    return total == 0 ? 100
                      : std::min<std::uint64_t>(
                            100, static_cast<std::uint64_t>(kHundred * static_cast<double>(done) /
                                                            static_cast<double>(total)));
}

std::string progress_line(const Progress& progress, unsigned columns, std::size_t name_columns) {
    std::string name = columns == 0 ? progress.name : short_name(progress.name);
    name.resize(std::max(name.size(), name_columns), ' ');
    const auto percent = fmt::format("{:3} %", progress.percent());
    const auto failed =
        progress.failed == 0 ? std::string() : human_bytes(progress.failed) + " FAILED";
    // In the order of the line; those that may be left out are filled in as long as they fit.
    std::vector<std::string> parts{name, "", percent, progress.phase, "", "", "", "", failed};
    const auto add = [&](std::size_t place, const std::string& text) {
        auto more = parts;
        more[place] = text;
        if (columns == 0 || view::columns_of(joined(more)) <= columns) {
            parts = std::move(more);
        }
    };
    if (progress.seconds_left) {
        add(6, "ETA " + human_seconds(*progress.seconds_left));
    }
    add(4, amount_of(progress));
    if (columns != 0) {
        add(1, std::string(kBarMin, ' '));
    }
    add(5, human_bytes(progress.rate) + "/s");
    if (progress.celsius) {
        add(7, fmt::format("{} °C", *progress.celsius));
    }
    if (!parts[1].empty()) {
        const auto room = columns - view::columns_of(joined(parts));
        parts[1] = bar_of(progress, std::min(kBarMax, kBarMin + room));
    }
    return cut(joined(parts), columns);
}

std::vector<std::string> frame(std::vector<Progress> targets, const std::string& ended,
                               const Screen& screen) {
    std::vector<std::string> lines;
    const std::size_t room = screen.rows > 2 ? screen.rows - 2 : 1;
    const bool all = targets.size() <= room;
    std::string summary;
    if (!all) {
        summary = counted(targets, ended);
        std::stable_sort(targets.begin(), targets.end(), [](const auto& a, const auto& b) {
            return std::tuple(b.failed != 0, a.percent(), a.name) <
                   std::tuple(a.failed != 0, b.percent(), b.name);
        });
        targets.resize(room - 1);
    }
    std::size_t widest = 0;
    for (const auto& target : targets) {
        widest = std::max(widest, short_name(target.name).size());
    }
    for (const auto& target : targets) {
        lines.push_back(screen.paint(target.failed != 0 ? Meaning::bad : Meaning::plain,
                                     progress_line(target, screen.columns, widest)));
    }
    if (!all) {
        lines.push_back(cut(summary, screen.columns));
    }
    return lines;
}

}  // namespace efface::cli
