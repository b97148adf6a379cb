// SPDX-License-Identifier: Apache-2.0
// What disks, files and drives have in common: one target, typed or ordered.
#pragma once

#include "storage.hpp"

namespace efface::job::worlds {

class TargetInWorld : public Storage {
  public:
    [[nodiscard]] RunResult erase(RunContext& context, const Asked& asked,
                                  const std::stop_token& stop) override;
    void plan(RunContext& context, const Asked& asked) override;
    [[nodiscard]] const mandate::Terms* terms() const override {
        return order_ ? &order_->terms : nullptr;
    }

  protected:
    /// Fields of the choice, as an order has them; `names`: the fields that name the target.
    void order(const std::string& choice, const std::string& names, const std::string& dates);

    /// Of the last run of a world.
    [[nodiscard]] virtual mandate::ErasureChoice last_choice() const {
        mandate::ErasureChoice choice;
        choice.policy = "overwrite-zero";
        return choice;
    }

    std::string target_ = "/dev/a";
    mandate::ErasureChoice choice_;
    std::optional<mandate::Order> order_;

  private:
    [[nodiscard]] TargetRequest request(const Asked& asked) const;
};

/// Those that a record says were not written.
[[nodiscard]] Ranges unwritten_in(const Json& predicate);

}  // namespace efface::job::worlds
