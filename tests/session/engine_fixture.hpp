#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/runtime/llama_log.hpp"
#include "hexcore/session/engine.hpp"
#include "mixtures/tiny_architectures.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {

/// An engine over a tiny mixture on capped host devices.
class EngineTest : public LoadedModelTest {
protected:
    struct Setting {
        std::uint32_t tokens_each = 256;  ///< of context, a multiple of 256
        std::uint32_t sequences = 2;
        KvType kv_type = KvType::f16;
        std::uint32_t ubatch = 64;
        std::size_t devices = 2;
        EngineOptions options = {};
        KeyShift shift = KeyShift::never;
        bool swa_full = false;
        bool states = false;
        bool words = false;
    };

    /// The next start() takes a tiny model of that architecture.
    void write_kind(const std::string& architecture) {
        path_ = folder_.path() / "kind.gguf";
        const LlamaLog quiet;
        ASSERT_TRUE(write_architecture(architecture, {}, path_).has_value());
        read();
    }

    void start(const Setting& setting) {
        engine_.reset();
        model_.reset();
        if (path_.empty()) {
            // Heads of 64, which a quantised cache can move.
            write({.n_embd = 256, .words = setting.words});
        }
        make_machine(setting.devices);
        Plan plan = random_plan(3);
        plan.context = {.tokens = TokenCount(setting.tokens_each * setting.sequences),
                        .sequences = setting.sequences,
                        .kv_type = setting.kv_type,
                        .ubatch = TokenCount(setting.ubatch),
                        .swa_full = setting.swa_full};
        for (std::size_t i = 0; i < setting.devices; ++i) {
            plan.devices.emplace_back().name = fmt::format("host{}", i);
        }
        LoadOptions loading = load_options();
        loading.context.shift = setting.shift;
        loading.context.states = setting.states;
        auto model = LoadedModel::load(*machine_, inventory_, plan, loading);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        model_.emplace(std::move(*model));
        engine_.emplace(*model_, setting.options);
    }

    Session open(const SessionOptions& options = {}) {
        auto session = engine_->open(options);
        EXPECT_TRUE(session.has_value()) << session.error().message;
        return std::move(*session);
    }

    /// A prompt of `count` tokens of that seed, answered greedily with the chances of each token.
    static Request request(std::size_t count, std::uint32_t seed, std::uint32_t max_tokens) {
        Request request;
        std::mt19937 random(seed);
        for (std::size_t i = 0; i < count; ++i) {
            request.tokens.push_back(static_cast<Token>(random() % 128));
        }
        request.max_tokens = max_tokens;
        request.sampling.temperature = 0;
        request.chances = 3;
        return request;
    }

    Answer answer(Session& session, Request asked) {
        auto result = engine_->answer(session, std::move(asked));
        EXPECT_TRUE(result.has_value()) << result.error().message;
        return result ? std::move(*result) : Answer{};
    }

    /// What an answer says of its logits: equal where they were, bit by bit, for three of them.
    static std::string bits(const Answer& answer) {
        std::string text;
        for (const GeneratedToken& token : answer.tokens) {
            text += fmt::format("{}", token.token);
            for (const TokenChance& chance : token.chances->best) {
                text += fmt::format(" {}:{:a}", chance.token, chance.log_probability);
            }
            text += "\n";
        }
        return text;
    }

    std::optional<LoadedModel> model_;
    std::optional<Engine> engine_;
};

}  // namespace hexcore::test
