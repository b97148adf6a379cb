// SPDX-License-Identifier: Apache-2.0
// nlohmann's header for precompiled headers, without the body of its literal ""_json, which is not
// used here: it is an inline function, for which every source would instantiate the whole parser
// (g++ 12: half a second each). A version that spells the literal otherwise comes as it is.
#pragma once

// The name is declared, and what follows becomes the body of a template that nobody asks for.
#define _json(text, size)       \
    _json(text, size);          \
    template <class NobodyAsks> \
    nlohmann::json json_of_literal(text, size)
#define _json_pointer(text, size) \
    _json_pointer(text, size);    \
    template <class NobodyAsks>   \
    nlohmann::json::json_pointer json_pointer_of_literal(text, size)
#include <nlohmann/json.hpp>
#undef _json
#undef _json_pointer
