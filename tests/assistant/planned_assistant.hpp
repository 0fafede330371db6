#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "hexcore/assistant/assistant_engines.hpp"
#include "hexcore/assistant/assistant_plan.hpp"
#include "runtime/loaded_model.hpp"
#include "support/tiny_adapter.hpp"

namespace hexcore::test {

/// An assistant whose experts have adapters, over a tiny model whose tokens are bytes.
class PlannedAssistantTest : public LoadedModelTest {
protected:
    void SetUp() override { write({.n_layers = 2, .n_vocab = tiny_byte_tokens, .bytes = true}); }
    void TearDown() override { unload(); }
    std::filesystem::path adapter(std::uint32_t seed, std::int64_t rank = 4) {
        auto path = folder_.path() / fmt::format("adapter{}.gguf", seed);
        write_tiny_adapter(
            path, inventory_, [](std::string_view name) { return !name.starts_with("token"); },
            rank, seed);
        return path;
    }
    /// An expert for each file, named E0 and so on; without an adapter where there is none.
    void make_assistant(const std::vector<std::filesystem::path>& files, float scale = 1) {
        AssistantDescription description{.name = "voices", .description = "voices"};
        for (const auto& file : files) {
            ExpertDescription expert{.name = fmt::format("E{}", description.experts.size()),
                                     .description = "",
                                     .system = "Speak.",
                                     .examples = {},
                                     .keywords = {},
                                     .sampling = {.temperature = 2.0F}};
            if (!file.empty()) {
                expert.adapter = ExpertAdapter{.file = file, .scale = scale};
            }
            description.experts.push_back(std::move(expert));
        }
        assistant_.emplace(description, Knowledge::open({}).value());
    }
    PlanningOptions options(const std::string& device = "host=64MiB",
                            Combination how = Combination::choose) const {
        PlanningOptions options{.model = path_,
                                .devices = {device},
                                .reserve = 0_B,
                                .context = TokenCount(512),
                                .ubatch = TokenCount(64),
                                .computing = {.threads = 1}};
        plan_for(assistant_->description(), options, how);
        return options;
    }
    void load(const PlanningOptions& options) {
        auto planned = PlannedModel::make(options);
        ASSERT_TRUE(planned.has_value()) << planned.error().message;
        planned_.emplace(*std::move(planned));
        adapters_ = adapters_of(*planned_, *assistant_);
        auto model = planned_->load();
        ASSERT_TRUE(model.has_value()) << model.error().message;
        model_.emplace(*std::move(model));
        template_.emplace(ChatTemplate::of(model_->model()).value());
        engines_.emplace(*model_, AssistantEnginesOptions());
        host_.emplace(engines_->host(*assistant_, *template_, adapters_));
    }
    void unload() {
        host_.reset();
        engines_.reset();
        model_.reset();
        planned_.reset();
    }
    AssistantAnswer ask(AssistantQuestion question) {
        std::optional<Result<AssistantAnswer>> answer;
        question.max_tokens = 12;
        question.sampling.seed = 5;
        question.on_end = [&answer](Result<AssistantAnswer> end) { answer = std::move(end); };
        AskedQuestion asked(*host_, std::move(question));
        asked.start();
        while (!asked.has_ended() && engines_->turn()) {
        }
        EXPECT_TRUE(answer && *answer) << (answer ? answer->error().message : "it did not end");
        return answer && *answer ? **answer : AssistantAnswer();
    }
    AssistantAnswer ask(std::size_t expert) { return ask({.text = "Hello", .expert = expert}); }

    std::optional<Assistant> assistant_;
    std::optional<PlannedModel> planned_;
    std::vector<std::vector<ChosenAdapter>> adapters_;
    std::optional<LoadedModel> model_;
    std::optional<ChatTemplate> template_;
    std::optional<AssistantEngines> engines_;
    std::optional<AssistantHost> host_;
};

}  // namespace hexcore::test
