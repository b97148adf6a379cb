// SPDX-License-Identifier: Apache-2.0
// Every engine that this machine supports against the vectors of NIST SP 800-38A and against
// OpenSSL.
#include "pattern/ctr_generator.hpp"

#include <algorithm>
#include <functional>
#include <random>

#include "efface/stream/keyed_stream.hpp"

#include "catch.hpp"

using namespace efface::stream;
using efface::Bytes;
using efface::ByteView;
using efface::MutableByteView;

namespace {

constexpr std::size_t kBlock = kCipherBlockBytes;
constexpr std::uint8_t kUntouched = 0xa5;

std::vector<CtrEngine> engines() {
    std::vector<CtrEngine> found;
    for (const CtrEngine engine : {CtrEngine::openssl, CtrEngine::vaes_256, CtrEngine::vaes_512}) {
        if (supported(engine)) {
            found.push_back(engine);
        }
    }
    return found;
}

Bytes some_bytes(std::size_t length, unsigned seed) {
    std::mt19937 random(seed);
    Bytes bytes(length);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
}

Bytes reference(ByteView key, std::uint64_t first, std::size_t blocks) {
    Bytes bytes(blocks * kBlock);
    make_generator(CtrEngine::openssl, key, 0)->fill(first, bytes);
    return bytes;
}

/// NIST SP 800-38A F.5.5, CTR-AES256.Encrypt.
const std::string kVectorKey = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
constexpr std::uint64_t kVectorNonce = 0xf0f1f2f3f4f5f6f7;
constexpr std::uint64_t kVectorFirst = 0xf8f9fafbfcfdfeff;
const std::string kVectorPlain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
const std::string kVectorCipher =
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
    "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6";
/// The same section's output blocks: the stream itself.
const std::string kVectorStream =
    "0bdf7df1591716335e9a8b15c860c5025a6e699d536119065433863c8f657b94"
    "1bc12c9c01610d5d0d8bd6a3378eca622956e1c8693536b1bee99c73a31576b6";

}  // namespace

TEST_CASE("every engine makes the vectors of NIST SP 800-38A F.5.5") {
    for (const CtrEngine engine : engines()) {
        INFO("engine " << static_cast<int>(engine));
        const auto generator =
            make_generator(engine, efface::from_hex(kVectorKey).value(), kVectorNonce);
        Bytes stream(4 * kBlock);
        generator->fill(kVectorFirst, stream);
        CHECK(efface::to_hex(stream) == kVectorStream);
        Bytes bytes = efface::from_hex(kVectorPlain).value();
        generator->difference(kVectorFirst, bytes, bytes);
        CHECK(efface::to_hex(bytes) == kVectorCipher);
        CHECK(generator->equals(kVectorFirst, efface::from_hex(kVectorStream).value()));
        CHECK_FALSE(generator->equals(kVectorFirst, efface::from_hex(kVectorPlain).value()));
    }
}

TEST_CASE("every engine makes what OpenSSL makes, for any number of blocks and any counter") {
    const Bytes key = some_bytes(kKeyBytes, 1);
    // The last: the end of what 64 bits can address.
    const std::vector<std::uint64_t> starts{0,
                                            1,
                                            0xf7,
                                            0xffe0,
                                            0xffffffd0,
                                            0xffffffffd5,
                                            0x1ffffffffff,
                                            0xffffffffffd5,
                                            (UINT64_MAX - 200 * kBlock) / kBlock};
    for (const CtrEngine engine : engines()) {
        const auto generator = make_generator(engine, key, 0);
        for (const std::uint64_t first : starts) {
            for (std::size_t blocks = 0; blocks <= 100; ++blocks) {
                INFO("engine " << static_cast<int>(engine) << ", " << blocks << " from " << first);
                const Bytes expected = reference(key, first, blocks);
                Bytes made(blocks * kBlock, kUntouched);
                generator->fill(first, made);
                CHECK(made == expected);
                CHECK(generator->equals(first, expected));
            }
        }
    }
}

TEST_CASE("every engine serves any address and touches nothing beside it") {
    const Bytes key = some_bytes(kKeyBytes, 2);
    constexpr std::size_t kRoom = 128;
    for (const CtrEngine engine : engines()) {
        const auto generator = make_generator(engine, key, 0);
        for (const std::size_t blocks : {1U, 3U, 4U, 35U}) {
            const Bytes expected = reference(key, 7, blocks);
            for (std::size_t at = 0; at < 65; ++at) {
                INFO("engine " << static_cast<int>(engine) << ", " << blocks << " at " << at);
                Bytes around(at, kUntouched);
                around.insert(around.end(), expected.begin(), expected.end());
                around.resize(around.size() + kRoom, kUntouched);
                Bytes memory(around.size(), kUntouched);
                generator->fill(7, MutableByteView(memory).subspan(at, expected.size()));
                CHECK(memory == around);
                CHECK(generator->equals(7, ByteView(memory).subspan(at, expected.size())));
            }
        }
    }
}

TEST_CASE("every engine finds any one bit that differs") {
    const Bytes key = some_bytes(kKeyBytes, 3);
    constexpr std::size_t kBlocks = 32 + 16 + 4 + 3;
    for (const CtrEngine engine : engines()) {
        const auto generator = make_generator(engine, key, 0);
        Bytes bytes = reference(key, 1000, kBlocks);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const auto bit = static_cast<std::uint8_t>(1U << (i % 8));
            bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ bit);
            INFO("engine " << static_cast<int>(engine) << ", byte " << i);
            CHECK_FALSE(generator->equals(1000, bytes));
            bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ bit);
        }
        CHECK(generator->equals(1000, bytes));
    }
}

TEST_CASE("every engine adds the stream to data, in place or apart") {
    const Bytes key = some_bytes(kKeyBytes, 4);
    for (const CtrEngine engine : engines()) {
        const auto generator = make_generator(engine, key, 0);
        for (const std::size_t blocks : {1U, 2U, 5U, 16U, 33U, 100U}) {
            const Bytes data = some_bytes(blocks * kBlock, 5);
            const Bytes stream = reference(key, 3, blocks);
            Bytes expected(data.size());
            std::transform(data.begin(), data.end(), stream.begin(), expected.begin(),
                           std::bit_xor<>());
            Bytes apart(data.size());
            generator->difference(3, data, apart);
            CHECK(apart == expected);
            Bytes same = data;
            generator->difference(3, same, same);
            CHECK(same == expected);
        }
    }
}

namespace {

/// Wrong in one bit of its last byte, from the second block on.
class Faulty final : public CtrGenerator {
  public:
    explicit Faulty(std::unique_ptr<CtrGenerator> good) : good_(std::move(good)) {}
    void fill(std::uint64_t first, MutableByteView into) override {
        good_->fill(first, into);
        into.back() ^= 0x80U;
    }
    void difference(std::uint64_t first, ByteView data, MutableByteView into) override {
        good_->difference(first, data, into);
    }
    [[nodiscard]] bool equals(std::uint64_t first, ByteView data) override {
        return good_->equals(first, data);
    }
    [[nodiscard]] CtrEngine engine() const noexcept override { return good_->engine(); }

  private:
    std::unique_ptr<CtrGenerator> good_;
};

/// Takes whatever it is given for the pattern.
class Credulous final : public CtrGenerator {
  public:
    explicit Credulous(std::unique_ptr<CtrGenerator> good) : good_(std::move(good)) {}
    void fill(std::uint64_t first, MutableByteView into) override { good_->fill(first, into); }
    void difference(std::uint64_t first, ByteView data, MutableByteView into) override {
        good_->difference(first, data, into);
    }
    [[nodiscard]] bool equals(std::uint64_t, ByteView) override { return true; }
    [[nodiscard]] CtrEngine engine() const noexcept override { return good_->engine(); }

  private:
    std::unique_ptr<CtrGenerator> good_;
};

template <typename Wrong>
std::unique_ptr<CtrGenerator> make_wrong(CtrEngine engine, ByteView key, std::uint64_t nonce) {
    return std::make_unique<Wrong>(make_generator(engine, key, nonce));
}

template <typename Wrong>
std::unique_ptr<CtrGenerator> make_widest_wrong(CtrEngine engine, ByteView key,
                                                std::uint64_t nonce) {
    return engine == CtrEngine::vaes_512 ? make_wrong<Wrong>(engine, key, nonce)
                                         : make_generator(engine, key, nonce);
}

}  // namespace

TEST_CASE("an engine that does not make what OpenSSL makes is not taken") {
    CHECK(widest_that_agrees(make_wrong<Faulty>) == CtrEngine::openssl);
    CHECK(widest_that_agrees(make_wrong<Credulous>) == CtrEngine::openssl);
    const CtrEngine next =
        supported(CtrEngine::vaes_256) ? CtrEngine::vaes_256 : CtrEngine::openssl;
    CHECK(widest_that_agrees(make_widest_wrong<Faulty>) == next);
    CHECK(widest_that_agrees(make_widest_wrong<Credulous>) == next);
}

TEST_CASE("the widest engine that is supported and right is taken") {
    CHECK(widest_that_agrees(make_generator) == engines().back());
    CHECK(best_engine() == engines().back());
}

TEST_CASE("a stream at any offset and of any length is that part of what OpenSSL makes") {
    const Bytes key = some_bytes(kKeyBytes, 6);
    constexpr std::uint64_t kFirst = 0xfffffffe;  // of the 32 bits
    const Bytes whole = reference(key, kFirst, 80);
    KeyedStream stream(key);
    for (std::size_t begin = 0; begin < 40; ++begin) {
        for (const std::size_t length : {0U, 1U, 7U, 15U, 16U, 17U, 31U, 33U, 512U, 1100U}) {
            INFO(begin << ", " << length);
            const std::uint64_t offset = kFirst * kBlock + begin;
            const ByteView expected = ByteView(whole).subspan(begin, length);
            Bytes made(length, kUntouched);
            stream.fill(offset, made);
            CHECK(made == Bytes(expected.begin(), expected.end()));
            CHECK(stream.equals(offset, made));
            stream.difference(offset, expected, made);
            CHECK(made == Bytes(length));
            for (std::size_t i = 0; i < length; i += std::max<std::size_t>(length / 20, 1)) {
                made.assign(expected.begin(), expected.end());
                made[i] ^= 1U;
                CHECK_FALSE(stream.equals(offset, made));
            }
        }
    }
}
