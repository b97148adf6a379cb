// SPDX-License-Identifier: Apache-2.0
// What one operation keeps for itself between processes: a part of the job's OperationMemory, under
// a name of its own. No other operation reads or changes it.
#pragma once

#include <string>
#include <utility>

#include "efface/method/drive/command_set.hpp"

namespace efface::method {

class Notes final {
  public:
    /// `part` is a literal; the memory outlives it.
    Notes(OperationMemory& memory, const char* part) : memory_(&memory), part_(part) {}

    [[nodiscard]] bool exist() const { return memory_->kept.contains(part_); }
    /// An object; an empty one when nothing is kept.
    [[nodiscard]] Json all() const { return memory_->kept.value(part_, Json::object()); }
    template <class T>
    [[nodiscard]] T get(const char* key, const T& otherwise) const {
        return exist() ? memory_->kept.at(part_).value(key, otherwise) : otherwise;
    }
    [[nodiscard]] std::string get(const char* key) const { return get(key, std::string()); }
    [[nodiscard]] bool has(const char* key) const {
        return exist() && memory_->kept.at(part_).contains(key);
    }
    /// Must be there.
    [[nodiscard]] const Json& at(const char* key) const { return memory_->kept.at(part_).at(key); }
    /// To be changed in place; save() makes it durable.
    [[nodiscard]] Json& edit() { return memory_->kept[part_]; }
    void save() { memory_->save(); }

    /// Instead of all that was kept. Durable, like what follows.
    void renew(Json all) {
        edit() = std::move(all);
        save();
    }
    void keep(const char* key, Json value) {
        edit()[key] = std::move(value);
        save();
    }
    void forget(const char* key) {
        if (has(key)) {
            edit().erase(key);
        }
        save();
    }
    void forget() {
        memory_->kept.erase(part_);
        save();
    }

  private:
    OperationMemory* memory_;
    const char* part_;
};

}  // namespace efface::method
