// SPDX-License-Identifier: Apache-2.0
// How often a run looks: at its target through the fake host, at keys and log by what the kernel
// says was opened.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "efface/base/file.hpp"
#include "efface/job/context.hpp"

#include "catch.hpp"
#include "fake/fake_host.hpp"

namespace efface::job {

/// "drive 1, identify 2": in the order of the alphabet.
inline std::string told(const std::map<std::string, unsigned>& looks) {
    std::string text;
    for (const auto& [what, count] : looks) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, count);
    }
    return text;
}

/// The looks of one run, by the moment at which they were taken.
class LookCount final {
  public:
    explicit LookCount(fake::FakeHost& host) : host_(host) { host_.looks.clear(); }
    /// From now on it is this moment.
    void enter(const std::string& moment) {
        take();
        moment_ = moment;
    }
    [[nodiscard]] std::string at(const std::string& moment) {
        take();
        return told(looks_[moment]);
    }

  private:
    void take() {
        auto& now = looks_[moment_];
        for (const auto& [what, count] : host_.looks) {
            now[what] += count;
        }
        host_.looks.clear();
    }
    fake::FakeHost& host_;
    std::string moment_ = "plan";
    std::map<std::string, std::map<std::string, unsigned>> looks_;
};

/// How often the files of one folder are opened, from now on.
class OpenCount final {
  public:
    explicit OpenCount(const std::filesystem::path& folder)
        : notices_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
        REQUIRE(notices_.get() >= 0);
        REQUIRE(::inotify_add_watch(notices_.get(), folder.c_str(), IN_OPEN) >= 0);
    }
    [[nodiscard]] unsigned of(const std::string& file) {
        take();
        return opened_[file];
    }
    /// Of all files, since this was asked before.
    [[nodiscard]] unsigned since_last() {
        take();
        unsigned count = 0;
        for (const auto& [file, times] : std::exchange(opened_, {})) {
            count += times;
        }
        return count;
    }

  private:
    void take() {
        alignas(inotify_event) std::array<char, 65536> buffer{};
        for (ssize_t got = 0; (got = ::read(notices_.get(), buffer.data(), buffer.size())) > 0;) {
            for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
                inotify_event event{};
                std::memcpy(&event, buffer.data() + at, sizeof event);
                REQUIRE((event.mask & IN_Q_OVERFLOW) == 0);
                if (event.len != 0) {
                    ++opened_[buffer.data() + at + sizeof event];
                }
                at += sizeof event + event.len;
            }
        }
    }
    UniqueFd notices_;
    std::map<std::string, unsigned> opened_;
};

}  // namespace efface::job
