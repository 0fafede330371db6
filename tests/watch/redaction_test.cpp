#include "hexcore/watch/redaction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hexcore {
namespace {

using ::testing::ElementsAre;

using Words = std::vector<std::string>;

TEST(Redaction, HidesValuesBehindNamesOfSecrets) {
    EXPECT_THAT(without_secrets(Words{"app", "--token", "abc", "--api-key=def", "--verbose", "x"}),
                ElementsAre("app", "--token", "***", "--api-key=***", "--verbose", "x"));
    EXPECT_THAT(without_secrets(Words{"env", "HF_TOKEN=abc", "clientSecret=x", "A=1"}),
                ElementsAre("env", "HF_TOKEN=***", "clientSecret=***", "A=1"));
    EXPECT_THAT(without_secrets(Words{"--password=a,b;c d", "sh", "-c", "x"}),
                ElementsAre("--password=***", "sh", "-c", "x"));
    EXPECT_THAT(without_secrets(Words{"--password", "--other", "x"}),
                ElementsAre("--password", "--other", "x"));
}

TEST(Redaction, HidesThemWithinAWord) {
    EXPECT_EQ(without_secrets("curl -H 'Authorization: Bearer abc.def' https://x/y"),
              "curl -H 'Authorization: Bearer ***' https://x/y");
    EXPECT_EQ(without_secrets("https://user:word@host/path?a=1&api_key=xyz&b=2"),
              "https://***@host/path?a=1&api_key=***&b=2");
    EXPECT_EQ(without_secrets(R"({"password": "abc", "n": 3})"), R"({"password": "***", "n": 3})");
    EXPECT_EQ(without_secrets("export PGPASSWORD='a b'; psql"), "export PGPASSWORD='***'; psql");
    EXPECT_EQ(without_secrets(R"(-d "{\"token\": \"abc\"}")"), R"(-d "{\"token\": \"***"}")");
}

TEST(Redaction, HidesWhatLooksLikeAToken) {
    EXPECT_EQ(without_secrets("hf_abcdefghijklmnopqrstu"), "***");
    EXPECT_EQ(without_secrets("x sk-abcdefgh12345678 y"), "x *** y");
    EXPECT_EQ(without_secrets("aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE"), "***");
}

TEST(Redaction, LeavesOrdinaryCommandsAlone) {
    for (const char* text :
         {"python3 train.py --tokenizer bpe --max-tokens 4096 --lr 1e-4 --keys 3",
          "/usr/bin/env -S bash -c 'for i in 1 2; do echo $i; done'",
          "make -j2 CFLAGS=-O2 key=value", "https://host/a:b@c", "a:b c=d e==f",
          "ffffffffffffffffffffffffffffffffffffffff",
          "Models/Mixtral-8x7B-Instruct-v0.1.Q4_K_M.gguf"}) {
        EXPECT_EQ(without_secrets(text), text);
    }
    EXPECT_EQ(without_secrets(""), "");
}

}  // namespace
}  // namespace hexcore
