// How well questions find their expert: the router, parts of it, and two simpler ones, over splits
// of labelled questions into examples and a test. The base model reads each question once; what it
// makes of them is kept, so that everything else can be tried again in seconds. Prints one JSON
// object; bench/routing.py makes a table of it.

#include <CLI/CLI.hpp>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/assistant/assistant_file.hpp"
#include "hexcore/assistant/kept_embeddings.hpp"
#include "hexcore/assistant/keyword_features.hpp"
#include "hexcore/assistant/labelled_questions.hpp"
#include "hexcore/assistant/question_embedding.hpp"
#include "hexcore/assistant/routing_measures.hpp"
#include "hexcore/base/text_file.hpp"
#include "hexcore/model/sampled_content.hpp"
#include "probe.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

struct Options {
    std::string model;
    std::string assistant;
    std::string tested;
    int threads = 0;
    int splits = 20;
};

struct Read {
    std::vector<RouterInput> inputs;
    std::vector<std::size_t> experts;
    std::vector<bool> is_tested;
    std::size_t newly_read = 0;
    double seconds = 0;
};

Result<Read> read_questions(const AssistantDescription& assistant, const Options& options) {
    HEXCORE_TRY(text, read_text_file(options.tested, options.tested));
    HEXCORE_TRY(tested, parse_labelled_questions(text, options.tested, assistant));
    std::set<std::string> is_tested;
    for (const LabelledQuestion& question : tested) {
        is_tested.insert(question.text);
    }
    PlanningOptions planning{.model = options.model};
    planning.context = TokenCount(1024);
    planning.computing = {.threads = options.threads, .states = true};
    HEXCORE_TRY(planned, PlannedModel::make(planning));
    HEXCORE_TRY(model, planned.load());
    HEXCORE_TRY(chats, ChatTemplate::of(model.model()));
    Engine engine(model);
    QuestionReading reading(chats, assistant, model);
    HEXCORE_TRY(session, engine.open());
    HEXCORE_TRY(identity, sampled_content(model.inventory()));
    KeptEmbeddings kept(reading_key(assistant, identity), model.inventory().n_embd);
    const KeywordFeatures keywords(assistant);
    Read read;
    const auto start = Clock::now();
    for (const LabelledQuestion& question : assistant.labelled_questions()) {
        const std::vector<float>* state = kept.find(question.text);
        if (state == nullptr) {
            HEXCORE_TRY(embedding, embedding_of(session, reading, question.text));
            state = &kept.add(question.text, std::move(embedding));
        }
        read.inputs.push_back({*state, keywords.of(question.text)});
        read.experts.push_back(question.expert);
        read.is_tested.push_back(is_tested.contains(question.text));
    }
    HEXCORE_TRY_VOID(kept.write());
    read.newly_read = kept.added();
    read.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return read;
}

/// Which parts of an input a router sees.
struct Seen {
    bool embedding = true;
    bool keywords = true;

    [[nodiscard]] RouterInput of(const RouterInput& input) const {
        return {embedding ? input.embedding : std::vector<float>(),
                keywords ? input.keywords : std::vector<float>()};
    }
};

/// A way of routing: what it says of tested questions, in one split after another.
struct Way {
    std::vector<double> accuracies;
    std::vector<double> errors;
    std::vector<std::vector<std::size_t>> confusion;

    void add(const std::vector<RoutedQuestion>& routed, std::size_t experts) {
        const RoutingMeasures measures = measure_routing(routed, experts);
        accuracies.push_back(measures.accuracy);
        errors.push_back(measures.calibration_error);
        confusion.resize(experts, std::vector<std::size_t>(experts));
        for (std::size_t i = 0; i < experts; ++i) {
            for (std::size_t j = 0; j < experts; ++j) {
                confusion[i][j] += measures.confusion[i][j];
            }
        }
    }
    [[nodiscard]] Json json() const {
        return {{"accuracy", accuracies}, {"calibration_error", errors}, {"confusion", confusion}};
    }
};

std::vector<double> sure_of(std::size_t expert, std::size_t experts) {
    std::vector<double> probabilities(experts);
    probabilities[expert] = 1;
    return probabilities;
}

/// All that is asked of the ways, over splits.
class Trials {
public:
    Trials(const AssistantDescription& assistant, const Read& read)
        : read_(read),
          questions_(assistant.labelled_questions()),
          keywords_(assistant),
          experts_(assistant.experts.size()) {
        for (std::size_t at = 0; at < questions_.size(); ++at) {
            if (read.is_tested[at]) {
                tested_.push_back(questions_[at]);
                places_.push_back(at);
            }
        }
    }

    void run(int seed) {
        const QuestionSplit split = split_questions(tested_, static_cast<std::uint64_t>(seed));
        std::vector<std::size_t> examples;
        for (std::size_t at = 0; at < questions_.size(); ++at) {
            if (!read_.is_tested[at]) {
                examples.push_back(at);
            }
        }
        for (const std::size_t at : split.examples) {
            examples.push_back(places_[at]);
        }
        const Router router = learn("router", {}, examples, split);
        (void)learn("without_keywords", {.keywords = false}, examples, split);
        (void)learn("without_model", {.embedding = false}, examples, split);
        l2_.push_back(router.l2());
        temperatures_.push_back(router.temperature());
        keyword_shares_.push_back(router.keyword_share());
        add("nearest_centre", split, [&](std::size_t at) {
            return sure_of(nearest_centre(router, read_.inputs[at].embedding), experts_);
        });
        add("keyword_rules", split, [&](std::size_t at) {
            return sure_of(keywords_.rule_choice(questions_[at].text), experts_);
        });
    }

    [[nodiscard]] Json json() const {
        Json json{{"questions", questions_.size()},
                  {"tested_questions", tested_.size()},
                  {"l2", l2_},
                  {"temperature", temperatures_},
                  {"keyword_share", keyword_shares_}};
        for (const auto& [name, way] : ways_) {
            json["ways"][name] = way.json();
        }
        return json;
    }

private:
    template <typename Says>
    void add(const std::string& name, const QuestionSplit& split, const Says& says) {
        std::vector<RoutedQuestion> routed;
        for (const std::size_t tested : split.test) {
            const std::size_t at = places_[tested];
            routed.push_back({read_.experts[at], says(at)});
        }
        ways_[name].add(routed, experts_);
    }

    Router learn(const std::string& name, Seen seen, const std::vector<std::size_t>& examples,
                 const QuestionSplit& split) {
        std::vector<RouterInput> inputs;
        std::vector<std::size_t> whose;
        for (const std::size_t at : examples) {
            inputs.push_back(seen.of(read_.inputs[at]));
            whose.push_back(read_.experts[at]);
        }
        Router router = Router::fit(inputs, whose, experts_);
        add(name, split,
            [&](std::size_t at) { return router.probabilities(seen.of(read_.inputs[at])); });
        return router;
    }

    const Read& read_;
    std::vector<LabelledQuestion> questions_;
    KeywordFeatures keywords_;
    std::size_t experts_;
    std::vector<LabelledQuestion> tested_;
    std::vector<std::size_t> places_;  ///< of those among all
    std::map<std::string, Way> ways_;
    std::vector<double> l2_;
    std::vector<double> temperatures_;
    std::vector<double> keyword_shares_;
};

Result<Json> measure(const Options& options) {
    HEXCORE_TRY(assistant, read_assistant(options.assistant));
    HEXCORE_TRY(read, read_questions(assistant, options));
    Trials trials(assistant, read);
    const auto start = Clock::now();
    for (int seed = 0; seed < options.splits; ++seed) {
        trials.run(seed);
    }
    Json json = trials.json();
    json["splits"] = options.splits;
    json["read_questions"] = read.newly_read;
    json["read_s"] = read.seconds;
    json["fits_s"] = std::chrono::duration<double>(Clock::now() - start).count();
    for (const ExpertDescription& expert : assistant.experts) {
        json["experts"].push_back(expert.name);
    }
    return json;
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    hexcore::Options options;
    CLI::App app{"Measures how questions find their expert"};
    app.add_option("model", options.model)->required();
    app.add_option("--assistant", options.assistant)->required();
    app.add_option("--tested", options.tested, "The file of those that may be tested")->required();
    app.add_option("--threads", options.threads);
    app.add_option("--splits", options.splits);
    CLI11_PARSE(app, argc, argv);
    return hexcore::print_figures(hexcore::measure(options));
}
