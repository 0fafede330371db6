#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "hexcore/session/adapter_contexts.hpp"
#include "runtime/loaded_model.hpp"
#include "support/tiny_adapter.hpp"

namespace hexcore::test {

/// Engines for sets of adapters over a tiny mixture.
class AdapterEnginesTest : public LoadedModelTest {
protected:
    using Set = std::vector<ChosenAdapter>;

    Set read_set(const std::filesystem::path& path, float scale = 1) const {
        return read_adapters(std::vector<AdapterWish>{{path, scale}}, inventory_).value();
    }
    /// A further set of one random adapter.
    void add_set(std::int64_t rank = 4, std::string_view part = "") {
        const auto seed = static_cast<std::uint32_t>(50 + sets_.size());
        const auto path = folder_.path() / fmt::format("adapter{}.gguf", seed);
        write_tiny_adapter(
            path, inventory_,
            [&](std::string_view name) { return name.find(part) != std::string_view::npos; }, rank,
            seed);
        sets_.push_back(read_set(path));
    }
    void write_model(std::size_t n_sets) {
        write({.n_layers = 2});
        for (std::size_t i = 0; i < n_sets; ++i) {
            add_set();
        }
    }
    /// A model with a context without adapters, and one for each of the first `n_there` sets.
    void load_model(std::size_t n_there, Bytes budget = 64_MiB) {
        make_machine(2, budget);
        Plan plan = random_plan(3);
        plan.context = {.tokens = TokenCount(256), .ubatch = TokenCount(64)};
        for (std::size_t i = 0; i < 2; ++i) {
            plan.devices.emplace_back().name = fmt::format("host{}", i);
        }
        LoadOptions options = load_options();
        options.context.threads = 1;  // two wait for each other where others compute, too
        options.context.more_adapters.assign(sets_.begin(),
                                             sets_.begin() + static_cast<std::ptrdiff_t>(n_there));
        auto model = LoadedModel::load(*machine_, inventory_, plan, options);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        model_.emplace(std::move(*model));
    }
    void start(std::size_t n_sets, std::size_t n_there = 1, AdapterTurns turns = {}) {
        write_model(n_sets);
        load_model(n_there);
        contexts_.emplace(*model_, EngineOptions(), std::move(turns));
    }
    void end() {
        contexts_.reset();
        model_.reset();
        expect_empty_devices();
    }

    Engine& engine_for(const Set& adapters) {
        const auto engine = contexts_->engine_for(adapters);
        EXPECT_TRUE(engine.has_value()) << engine.error().message;
        return **engine;
    }
    static Request request(std::vector<Token> tokens = {5, 17, 99, 3}) {
        Request request;
        request.tokens = std::move(tokens);
        request.max_tokens = 6;
        request.sampling.temperature = 0;
        return request;
    }
    /// What a new session with these adapters says of a prompt.
    std::vector<Token> said(const Set& adapters) {
        Engine& engine = engine_for(adapters);
        auto session = engine.open().value();
        const auto answer = engine.answer(session, request());
        EXPECT_TRUE(answer.has_value());
        return session.tokens();
    }
    std::vector<Usage> accounted() const {
        std::vector<Usage> all;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            all.push_back(machine_->device(DeviceId(i)).memory().accounted());
        }
        all.push_back(machine_->host().accounted());
        return all;
    }
    /// Of all adapters, on all devices and outside.
    Bytes adapters_accounted() const {
        Bytes sum = model_->host_usage().adapters;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            sum += machine_->device(DeviceId(i)).memory().accounted().adapters;
        }
        return sum;
    }

    std::vector<Set> sets_;
    std::optional<LoadedModel> model_;
    std::optional<AdapterContexts> contexts_;
};

}  // namespace hexcore::test
