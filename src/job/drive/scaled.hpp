// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "efface/base/progress.hpp"
#include "efface/method/drive/erase.hpp"

namespace efface::job {

/// A drive tells a share of its work in thousandths; people are shown bytes.
class Scaled final : public ProgressSink {
  public:
    Scaled(ProgressSink& below, std::uint64_t size_bytes) : below_(below), size_(size_bytes) {}
    void advance(std::uint64_t steps) override {
        constexpr auto kSteps = method::kProgressSteps;
        steps_ = std::min(steps_ + steps, kSteps);
        const std::uint64_t done = size_ / kSteps * steps_ + size_ % kSteps * steps_ / kSteps;
        below_.advance(done - done_);
        done_ = done;
    }
    void phase(std::string_view what) override { below_.phase(what); }

  private:
    ProgressSink& below_;
    std::uint64_t size_;
    std::uint64_t steps_ = 0;
    std::uint64_t done_ = 0;
};

}  // namespace efface::job
