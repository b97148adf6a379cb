// SPDX-License-Identifier: Apache-2.0
// Precompiled for all modules. Only what is large and seldom changes; every source still includes
// what it uses, as `scripts/check tidy` compiles without this.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_pch.hpp"
