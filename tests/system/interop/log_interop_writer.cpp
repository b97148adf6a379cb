// SPDX-License-Identifier: Apache-2.0
// Writes a log, and proofs from it, for another implementation to verify: log_interop_writer DIR.
//   log/        the log, 300 entries       log.vkey      its verifier key
//   INDEX.proof a tlog-proof               OLD.consistency  old size, old root, then the path
#include <cstdio>
#include <filesystem>
#include <string>

#include "efface/base/file.hpp"
#include "efface/base/random.hpp"
#include "efface/evidence/log.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

// More than one block of stored hashes, and no power of two.
constexpr std::uint64_t kEntries = 300;

void write_log(const std::filesystem::path& directory) {
    SecretBytes seed(32);
    SystemRandom().fill(seed.view());
    const NoteSigner signer("example.org/log/interop", seed);
    write_file_durably(directory / "log.vkey", signer.verifier_key() + '\n');
    Log::create(directory / "log", signer);
    Log log = Log::open(directory / "log", signer);
    for (std::uint64_t i = 0; i < kEntries; ++i) {
        (void)log.append({{"type", "test"}, {"n", i}});
    }
    for (const std::uint64_t index : {0U, 1U, 127U, 128U, 255U, 256U, 298U, 299U}) {
        write_file_durably(directory / (std::to_string(index) + ".proof"),
                           tlog_proof_text(log.prove(index)));
    }
    for (const std::uint64_t old_size : {1U, 2U, 100U, 255U, 256U, 257U, 299U, 300U}) {
        std::string text =
            std::to_string(old_size) + '\n' + to_base64(log.root_at(old_size)) + '\n';
        for (const Digest& hash : log.prove_consistency(old_size)) {
            text += to_base64(hash) + '\n';
        }
        write_file_durably(directory / (std::to_string(old_size) + ".consistency"), text);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: log_interop_writer DIR\n", stderr);
        return 2;
    }
    try {
        write_log(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "log_interop_writer: %s\n", error.what());
        return 1;
    }
    return 0;
}
