#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "hexcore/assistant/assistant_file.hpp"
#include "hexcore/assistant/knowledge.hpp"
#include "hexcore/assistant/knowledge_import.hpp"
#include "hexcore/cli/assistant_shown.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/find_assistant.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/report/json_text.hpp"

namespace hexcore {
namespace {

struct AssistantOptions {
    std::string assistant;
    std::string path;
    std::string kind;
    std::string question;
    std::string format;

    [[nodiscard]] bool json() const { return format == "json"; }
};

Result<AssistantFacts> facts_of(const std::string& name_or_file) {
    AssistantFacts facts;
    HEXCORE_TRY(file, find_assistant(name_or_file));
    HEXCORE_TRY(assistant, read_assistant(file));
    HEXCORE_TRY(folder, knowledge_folder(assistant.name));
    facts.file = std::move(file);
    facts.assistant = std::move(assistant);
    auto knowledge = Knowledge::open(folder);
    if (knowledge) {
        facts.knowledge = knowledge->sources();
    } else {
        facts.knowledge_problem = knowledge.error().message;
    }
    return facts;
}

Result<int> import_file(const AssistantOptions& options) {
    HEXCORE_TRY(file, find_assistant(options.assistant));
    HEXCORE_TRY(assistant, read_assistant(file));
    HEXCORE_TRY(folder, knowledge_folder(assistant.name));
    const Interrupt interrupt(give_up_waiting_on);
    const auto begun = std::chrono::steady_clock::now();
    HEXCORE_TRY(imported, import_knowledge({.source = options.path,
                                            .kind = knowledge_kind(options.kind),
                                            .stop = interrupt.flag()},
                                           folder));
    const double took_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
    for (const std::string& note : imported.notes) {
        complain(note);
    }
    print(options.json() ? json_text(imported_json(assistant.name, imported, took_ms))
                         : imported_text(imported, took_ms));
    return 0;
}

Result<int> list_assistants(const AssistantOptions& options) {
    std::vector<AssistantFacts> all;
    int code = 0;
    for (const AssistantPlace& place : named_assistants()) {
        auto facts = facts_of(place.file.string());
        if (facts) {
            all.push_back(*std::move(facts));
        } else {
            code = report_error(facts.error());  // the others are none the worse
        }
    }
    if (options.json()) {
        print(json_text(assistants_json(all)));
    } else if (!all.empty()) {
        print(assistants_table(all, stdout_style()));
    } else if (code == 0) {
        complain(no_assistants());
    }
    return code;
}

Result<int> show_assistant(const AssistantOptions& options) {
    HEXCORE_TRY(facts, facts_of(options.assistant));
    print(options.json() ? json_text(assistants_json({facts}))
                         : assistant_table(facts, stdout_style()));
    return 0;
}

Result<int> look_up(const AssistantOptions& options) {
    HEXCORE_TRY(file, find_assistant(options.assistant));
    HEXCORE_TRY(assistant, read_assistant(file));
    HEXCORE_TRY(folder, knowledge_folder(assistant.name));
    HEXCORE_TRY(knowledge, Knowledge::open(folder));
    HEXCORE_TRY(found, knowledge.look_up(options.question, assistant.knowledge, about_tokens));
    if (options.json()) {
        print(json_text(looked_up_json(options.question, found)));
        return 0;
    }
    print(knowledge_text(found.passages));
    if (found.passages.empty()) {
        complain(knowledge.is_empty() ? "nothing was imported for " + assistant.name
                                      : "nothing that is known belongs to that question");
    }
    return 0;
}

Result<int> forget(const AssistantOptions& options) {
    HEXCORE_TRY(file, find_assistant(options.assistant));
    HEXCORE_TRY(assistant, read_assistant(file));
    HEXCORE_TRY(folder, knowledge_folder(assistant.name));
    HEXCORE_TRY(count, forget_knowledge(folder, knowledge_kind(options.kind)));
    complain(count == 0 ? "there is nothing to forget of " + assistant.name
                        : fmt::format("{} of knowledge of {} {} gone", plural(count, "file"),
                                      assistant.name, count == 1 ? "is" : "are"));
    return 0;
}

using Work = Result<int> (*)(const AssistantOptions&);

/// What all of them have in common.
CLI::App* add_inner(CLI::App& command, const char* name, const char* description, Work work,
                    Action& action, const std::shared_ptr<AssistantOptions>& options) {
    auto* inner = command.add_subcommand(name, description);
    inner->callback([&action, options, work] {
        action = [options, work] {
            const Result<int> code = work(*options);
            return code ? *code : report_error(code.error());
        };
    });
    return inner;
}

void add_name(CLI::App& command, AssistantOptions& options) {
    command.add_option("assistant", options.assistant, "an assistant's name, file or folder")
        ->required()
        ->option_text("ASSISTANT");
}

void add_format(CLI::App& command, AssistantOptions& options, const char* text) {
    options.format = text;
    command.add_option("--format", options.format, fmt::format("{} or json", text))
        ->check(CLI::IsMember({text, "json"}))
        ->option_text("NAME");
}

void add_kind(CLI::App& command, AssistantOptions& options, const char* description) {
    command.add_option("--kind", options.kind, description)
        ->check(CLI::IsMember({"cards", "rules", "texts"}))
        ->option_text("NAME");
}

}  // namespace

void add_assistant_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("assistant", "assistants, and what they know of your files");
    command->require_subcommand(1);
    command->footer(
        "Examples:\n"
        "  hexcore assistant list\n"
        "  hexcore assistant import magic AtomicCards.json\n"
        "  hexcore assistant look-up magic \"Does Lightning Bolt kill a 3/3?\"");

    auto import = std::make_shared<AssistantOptions>();
    auto* inner = add_inner(*command, "import", "takes a file of yours into what it knows",
                            import_file, action, import);
    inner->footer(
        "Cards are MTGJSON's AllPrintings, AtomicCards or a set, rules a text of numbered\n"
        "paragraphs, texts a file or a folder of .txt and .md. A second import of the\n"
        "same kind (of texts: from the same place) replaces the first, at once or not at\n"
        "all.\n\n"
        "Examples:\n"
        "  hexcore assistant import magic AtomicCards.json\n"
        "  hexcore assistant import magic rules.txt --kind rules\n"
        "  hexcore assistant import my/assistant.toml notes/");
    add_name(*inner, *import);
    inner->add_option("file", import->path, "a file, or a folder of texts")
        ->required()
        ->option_text("FILE");
    add_kind(*inner, *import, "what it is (default: by what is in it)");
    add_format(*inner, *import, "text");

    auto list = std::make_shared<AssistantOptions>();
    inner = add_inner(*command, "list", "lists the assistants that have a name", list_assistants,
                      action, list);
    inner->footer("Example: hexcore assistant list --format json");
    add_format(*inner, *list, "table");

    auto show = std::make_shared<AssistantOptions>();
    inner = add_inner(*command, "show", "shows an assistant's experts, and what it knows",
                      show_assistant, action, show);
    inner->footer("Example: hexcore assistant show magic");
    add_name(*inner, *show);
    add_format(*inner, *show, "table");

    auto question = std::make_shared<AssistantOptions>();
    inner = add_inner(*command, "look-up", "shows what it would be told for a question", look_up,
                      action, question);
    inner->footer(
        "Tokens are guessed, since no model is loaded: four bytes each.\n\n"
        "Example: hexcore assistant look-up magic \"What is rule 702.19b?\"");
    add_name(*inner, *question);
    inner->add_option("question", question->question, "what somebody might ask")
        ->required()
        ->option_text("TEXT");
    add_format(*inner, *question, "text");

    auto forgotten = std::make_shared<AssistantOptions>();
    inner = add_inner(*command, "forget", "removes what was imported", forget, action, forgotten);
    inner->footer("Example: hexcore assistant forget magic --kind cards");
    add_name(*inner, *forgotten);
    add_kind(*inner, *forgotten, "only that (default: all)");
}

}  // namespace hexcore
