// SPDX-License-Identifier: Apache-2.0
// The way of a processor without the instructions that we know: this program has its own copies of
// the two sources that use any, built with EFFACE_PORTABLE. keyed_stream_test.cpp in it shows that
// the same bytes are made.
#include "efface/device/memory/memory_target.hpp"

#include "catch.hpp"
#include "pattern/ctr_generator.hpp"

using namespace efface;
using namespace efface::stream;

TEST_CASE("without wide instructions the engine is OpenSSL") {
    CHECK_FALSE(supported(CtrEngine::vaes_256));
    CHECK_FALSE(supported(CtrEngine::vaes_512));
    CHECK(supported(CtrEngine::openssl));
    CHECK(best_engine() == CtrEngine::openssl);
    CHECK(make_generator(best_engine(), Bytes(kKeyBytes), 0)->engine() == CtrEngine::openssl);
}

TEST_CASE("without an instruction that flushes cache lines none is promised") {
    CHECK_FALSE(device::can_flush_cache_lines());
}
