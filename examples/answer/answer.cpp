// Plans a model over two capped host devices, says what goes where, loads it as planned, lets it go
// on with a text, and says what the memory did: answer MODEL.gguf SIZE TEXT
#include <hexcore/hexcore.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

namespace {

hexcore::Result<void> answer(const std::string& model_file, const std::string& size,
                             const std::string& text) {
    hexcore::PlanningOptions options;
    options.model = model_file;
    options.devices = {"host=" + size, "host=" + size};
    HEXCORE_TRY(planned, hexcore::PlannedModel::make(options));
    std::cout << hexcore::plan_table(planned.plan(), {}) << '\n';

    hexcore::RunReport report;
    {
        HEXCORE_TRY(model, planned.load());
        hexcore::Engine engine(model);
        HEXCORE_TRY(session, engine.open());
        hexcore::Request request;
        request.text = text;
        request.max_tokens = 24;
        request.sampling.temperature = 0;
        request.on_piece = [](const hexcore::AnswerPiece& piece) {
            std::cout << piece.text << std::flush;
        };
        HEXCORE_TRY(answer, engine.answer(session, request));
        std::cout << '\n';
        HEXCORE_TRY_VOID(hexcore::describe_run(report, model, answer));
    }
    HEXCORE_TRY_VOID(hexcore::describe_unloaded(report, planned.machine()));
    std::cout << hexcore::json_text(hexcore::run_json(report)["devices"]) << '\n';
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: answer MODEL.gguf SIZE TEXT\n";
        return 2;
    }
    const auto done = answer(argv[1], argv[2], argv[3]);
    if (!done) {
        std::cerr << "answer: " << hexcore::told(done.error()) << '\n';
        return static_cast<int>(done.error().code);
    }
    return 0;
}
