// SPDX-License-Identifier: Apache-2.0
// Notes: the key and the signature of "PeterNeumann" are those of the documentation of
// golang.org/x/mod/sumdb/note; the checkpoint in tests/data/evidence/log was made with Python.
#include "efface/base/file.hpp"
#include "efface/evidence/log.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

constexpr const char* kVerifierKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr const char* kText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr const char* kSignature =
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
constexpr const char* kOtherSignature =
    "\xe2\x80\x94 EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/"
    "5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

NoteSigner peter_neumann() {
    const Bytes typed = from_base64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").value();
    return NoteSigner("PeterNeumann", SecretBytes(ByteView(typed).subspan(1)));
}

std::string whole_note() {
    return std::string(kText) + "\n" + kSignature;
}

std::string example(const char* name) {
    return read_text_file(std::string(EFFACE_TEST_DATA) + "/evidence/log/" + name, 65536).value();
}

}  // namespace

TEST_CASE("a signer makes the verifier key and the note of the Go documentation") {
    const NoteSigner signer = peter_neumann();
    CHECK(signer.verifier_key() == kVerifierKey);
    CHECK(signer.sign(kText) == whole_note());
}

TEST_CASE("a copy of a signer signs alike") {
    std::optional<NoteSigner> first = peter_neumann();
    const NoteSigner copy = *first;
    first.reset();
    CHECK(copy.sign(kText) == whole_note());
}

TEST_CASE("a note opens with the key that signed it, also among other signatures") {
    CHECK(open_note(whole_note(), kVerifierKey) == kText);
    CHECK(open_note(whole_note() + kOtherSignature, kVerifierKey) == kText);
    CHECK(open_note(std::string(kText) + "\n" + kOtherSignature + kSignature, kVerifierKey) ==
          kText);
}

TEST_CASE("a note does not open with any byte changed") {
    const std::string note = whole_note();
    for (std::size_t i = 0; i < note.size(); ++i) {
        std::string changed = note;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK_FALSE(open_note(changed, kVerifierKey));
    }
}

TEST_CASE("a note does not open cut short at any byte") {
    const std::string note = whole_note();
    for (std::size_t size = 0; size < note.size(); ++size) {
        CHECK_FALSE(open_note(std::string_view(note).substr(0, size), kVerifierKey));
    }
}

TEST_CASE("a note without a signature of the key does not open") {
    CHECK_FALSE(open_note(std::string(kText) + "\n" + kOtherSignature, kVerifierKey));
    CHECK_FALSE(open_note(std::string(kText) + "\n", kVerifierKey));
    CHECK_FALSE(open_note(kText, kVerifierKey));
    CHECK_FALSE(open_note("", kVerifierKey));
}

TEST_CASE("a bad signature of the key spoils a note that has a good one too") {
    std::string bad = kSignature;
    bad.replace(bad.find("x08go/ZJ"), 8, "x08go/ZK");
    CHECK_FALSE(open_note(whole_note() + bad, kVerifierKey));
}

TEST_CASE(
    "a note with a malformed signature line, a control character or too many bytes does not "
    "open") {
    CHECK_FALSE(open_note(whole_note() + "- EnochRoot rwz+eBzm\n", kVerifierKey));
    CHECK_FALSE(open_note(whole_note() + "\xe2\x80\x94 EnochRoot\n", kVerifierKey));
    CHECK_FALSE(open_note(whole_note() + "\xe2\x80\x94 EnochRoot ****\n", kVerifierKey));
    CHECK_FALSE(open_note("\t" + whole_note(), kVerifierKey));
    CHECK_FALSE(open_note(std::string(kNoteBytesMax, 'a') + whole_note(), kVerifierKey));
}

TEST_CASE("a verifier key that is not of an Ed25519 key or has a wrong id opens nothing") {
    // The first two are in the tests of golang.org/x/mod/sumdb/note.
    for (const char* key :
         {"PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
          "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
          "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
          "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
          "PeterNeumann+c74f20a3", "", "++"}) {
        CHECK_FALSE(open_note(whole_note(), key));
    }
}

TEST_CASE("the file of a verifier key is its line, with nothing but line feeds behind it") {
    const std::string line(kVerifierKey);
    CHECK(verifier_key_line(line) == line);
    CHECK(verifier_key_line(line + "\n\n") == line);
    for (const std::string& odd :
         {line + "\r\n", " " + line, line + " ", "\n" + line, line + "\n" + line, std::string()}) {
        CHECK_FALSE(verifier_key_line(odd));
    }
}

TEST_CASE("names of other signers are UTF-8 without white space and plus signs") {
    const auto opens = [](const std::string& name) {
        return open_note(whole_note() + "\xe2\x80\x94 " + name + " AAAAAAA=\n", kVerifierKey)
            .has_value();
    };
    for (const char* name : {"witness", "\xc3\xa9", "\xe8\xa6\x8b"}) {
        CHECK(opens(name));
    }
    for (const char* name : {"", "a+b", "a b", "a\xc2\xa0", "a\xc2\x85",
                             "a\xe2\x80\x83"
                             "b",
                             "\xe3\x80\x80", "\xff", "a\tb"}) {
        CHECK_FALSE(opens(name));
    }
}

TEST_CASE("a signer refuses names with spaces or plus signs and keys of other lengths") {
    const SecretBytes seed(32);
    for (const char* name : {"", "a b", "a+b", "a\nb", "caf\xc3\xa9"}) {
        CHECK_THROWS_AS(NoteSigner(name, seed), Error);
    }
    CHECK_THROWS_AS(NoteSigner(std::string(256, 'a'), seed), Error);
    CHECK_THROWS_AS(NoteSigner("a", SecretBytes(31)), Error);
}

TEST_CASE("the checkpoint made with Python opens and parses") {
    const auto text = open_note(example("checkpoint"), example("log.vkey"));
    REQUIRE(text);
    const auto checkpoint = parse_checkpoint(*text);
    REQUIRE(checkpoint);
    CHECK(checkpoint->origin == "example.org/log/station-1");
    CHECK(checkpoint->size == 5);
    CHECK(to_base64(checkpoint->root) == "f2VcBkmGj/sEmjNlSHJT128PNQSuFH594vHYeS9rgOU=");
    CHECK(checkpoint_text(*checkpoint) == *text);
}

TEST_CASE("a checkpoint is exactly origin, size and root") {
    const std::string root = "f2VcBkmGj/sEmjNlSHJT128PNQSuFH594vHYeS9rgOU=\n";
    CHECK(parse_checkpoint("a\n0\n" + root));
    CHECK_FALSE(parse_checkpoint("a\n00\n" + root));
    CHECK_FALSE(parse_checkpoint("a\n+1\n" + root));
    CHECK_FALSE(parse_checkpoint("a\n-1\n" + root));
    CHECK_FALSE(parse_checkpoint("a\n\n" + root));
    CHECK_FALSE(parse_checkpoint("a\n1 \n" + root));
    CHECK_FALSE(parse_checkpoint("a\n18446744073709551616\n" + root));
    CHECK_FALSE(parse_checkpoint("a\n18446744073709551615\n" + root));
    CHECK_FALSE(parse_checkpoint("\n1\n" + root));
    CHECK_FALSE(parse_checkpoint("a\n1\n" + root + "extension\n"));
    CHECK_FALSE(parse_checkpoint("a\n1\nf2VcBkmGj/sEmjNlSHJT128PNQSuFH594vHYeS9rgA==\n"));
    CHECK_FALSE(parse_checkpoint("a\n1\n" + root.substr(0, root.size() - 1)));
    CHECK_FALSE(parse_checkpoint(""));
}

TEST_CASE("the proof made with Python parses, holds and is written back alike") {
    const std::string text = example("entry-2.tlog-proof");
    const auto proof = parse_tlog_proof(text);
    REQUIRE(proof);
    CHECK(proof->index == 2);
    CHECK(proof->path.size() == 3);
    CHECK(proof->checkpoint == example("checkpoint"));
    const auto head = parse_checkpoint(open_note(proof->checkpoint, example("log.vkey")).value());
    CHECK(root_from_inclusion(2, 5, leaf_hash(as_bytes(proof->entry)), proof->path) == head->root);
    CHECK(tlog_proof_text(*proof) == text);
}

TEST_CASE("a proof of another form does not parse") {
    const std::string good = example("entry-2.tlog-proof");
    const auto with = [&good](std::string_view old_part, std::string_view new_part) {
        std::string text = good;
        text.replace(text.find(old_part), old_part.size(), new_part);
        return text;
    };
    CHECK_FALSE(parse_tlog_proof(with("@v1", "@v2")));
    CHECK_FALSE(parse_tlog_proof(with("extra ", "extra")));
    CHECK_FALSE(parse_tlog_proof(with("extra ey", "extra *y")));
    CHECK_FALSE(parse_tlog_proof(with("index 2", "index 02")));
    CHECK_FALSE(parse_tlog_proof(with("index 2", "index -2")));
    CHECK_FALSE(parse_tlog_proof(with("index 2\n", "")));
    CHECK_FALSE(parse_tlog_proof(with("IebVJD", "")));
    CHECK_FALSE(parse_tlog_proof(good.substr(0, good.find("\n\n") + 2)));
    CHECK_FALSE(parse_tlog_proof(good.substr(0, good.find("\n\n"))));
    CHECK_FALSE(parse_tlog_proof(""));
    std::string hashes;
    for (int i = 0; i < 65; ++i) {
        hashes += "IebVJDFmhFNTwf68ec7YubZ6EDYvg1uwdTweX97hrg4=\n";
    }
    CHECK_FALSE(parse_tlog_proof(with("IebVJDFmhFNTwf68ec7YubZ6EDYvg1uwdTweX97hrg4=\n", hashes)));
}
