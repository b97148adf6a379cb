// SPDX-License-Identifier: Apache-2.0
// The one place that names the version of Catch2.
#pragma once

#include <catch2/catch.hpp>
