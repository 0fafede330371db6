#include "hexcore/cli/assistant_talk.hpp"

#include <fmt/format.h>

#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/cli/answer_printer.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/assistant_summary.hpp"

namespace hexcore {
namespace {

constexpr const char* assistant_help =
    "/expert NAME    asks that expert from now on; alone, whom the router names\n"
    "/experts N      asks so many together; alone, as many as are needed\n"
    "/combine NAME   how they give one answer: choose, merge, blend or attend\n";

std::vector<ChatMessage> messages_of(const Dialogue& dialogue) {
    std::vector<ChatMessage> messages;
    for (const DialogueTurn& turn : dialogue.turns()) {
        messages.push_back({.role = "user", .content = turn.question});
        messages.push_back({.role = "assistant", .content = turn.answer});
    }
    return messages;
}

/// What a chat counts and a run's report shows.
Answer figures_of(const AssistantAnswer& answer) {
    Answer figures;
    figures.text = answer.text;
    figures.stop = answer.stop;
    figures.prompt_tokens = answer.prompt_tokens - answer.reused_tokens;
    figures.generated_tokens = answer.generated_tokens;
    figures.prompt_seconds = answer.timing.prompt_ms / 1e3;
    figures.decode_seconds = answer.timing.generate_ms / 1e3;
    figures.cache = answer.cache;
    return figures;
}

}  // namespace

AssistantTalk::AssistantTalk(AssistantEngines& engines, AssistantHost& host,
                             AssistantQuestion settings)
    : engines_(engines),
      host_(host),
      settings_(std::move(settings)),
      dialogue_(host.assistant.description().name) {}

Result<void> check_question(const AssistantDescription& assistant, std::string_view question) {
    const auto named = assistant.take_named_expert(question);
    if (!named || question.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        return {};
    }
    return fail(ErrorCode::usage, "{} is asked nothing; put a question behind the colon",
                assistant.experts[*named].name);
}

Result<Answer> AssistantTalk::ask(const std::string& question, const Interrupt& interrupt) {
    auto answer = answer_to(question, interrupt);
    failed_ += answer ? 0 : 1;
    return answer;
}

Result<Answer> AssistantTalk::answer_to(const std::string& question, const Interrupt& interrupt) {
    HEXCORE_TRY_VOID(check_question(host_.assistant.description(), question));
    AssistantQuestion asked = settings_;
    asked.text = question;
    asked.history = messages_of(dialogue_);
    if (std::string_view text = question; host_.assistant.description().take_named_expert(text)) {
        asked.expert.reset();  // whom the question names goes before
    }
    AnswerPrinter printer;
    if (!is_quiet_) {
        asked.on_piece = [&printer](std::string_view text) {
            printer.add({{.content = std::string(text)}});
        };
    }
    Result<AssistantAnswer> answer = AssistantAnswer();
    asked.on_end = [&answer](Result<AssistantAnswer> ended) { answer = std::move(ended); };
    AskedQuestion course(host_, std::move(asked));
    course.start();
    while (!course.has_ended()) {
        const bool goes_on = engines_.turn(interrupt.flag());
        HEXCORE_CHECK(goes_on || course.has_ended(), 0, "nobody is asked, and nobody has answered");
    }
    printer.finish();
    HEXCORE_TRY(ended, std::move(answer));
    newest_ = std::move(ended);
    if (newest_.prompt_tokens > 0 && !newest_.refused) {
        keep(question);
    }
    if (is_chat_) {
        print("\n");
        if (stdout_is_terminal() && stderr_is_terminal()) {
            print_aside("\n");
        }
        print_aside(answer_summary(newest_, stderr_columns()));
    }
    return figures_of(newest_);
}

void AssistantTalk::keep(const std::string& question) {
    const Dialogue before = dialogue_;
    DialogueTurn turn{question, newest_.text};
    for (const AnsweringExpert& expert : newest_.experts) {
        turn.experts.push_back(expert.name);
    }
    dialogue_.add(std::move(turn));
    if (file_.empty()) {
        return;
    }
    const auto there = Dialogue::read(file_, host_.assistant.description().name);
    if (there && !there->turns().empty() && there->turns() != before.turns()) {
        kept_ = fail(ErrorCode::negative,
                     "{} has another conversation than it had when this one went on with it; it is "
                     "left as it is, and this answer is not kept there",
                     file_.string());
        return;
    }
    kept_ = dialogue_.write(file_);
}

void AssistantTalk::begin_anew(std::string system) {
    dialogue_ = Dialogue(host_.assistant.description().name);
    settings_.instructions = std::move(system);
}

Result<void> AssistantTalk::keep_in(const std::filesystem::path& file) {
    HEXCORE_TRY(read, Dialogue::read_to_keep(file, host_.assistant.description().name));
    dialogue_ = std::move(read);
    file_ = file;
    return {};
}

Result<void> AssistantTalk::save_to(const std::filesystem::path& file) {
    // Nothing else is written over.
    HEXCORE_TRY_VOID(Dialogue::read(file, host_.assistant.description().name));
    return dialogue_.write(file);
}

Result<void> AssistantTalk::load_from(const std::filesystem::path& file) {
    HEXCORE_TRY(read, Dialogue::read(file, host_.assistant.description().name));
    dialogue_ = std::move(read);
    return {};
}

std::string_view AssistantTalk::own_help() const { return assistant_help; }

bool AssistantTalk::obeys(std::string_view name, const std::string& value) {
    if (name == "/expert") {
        set_expert(value);
    } else if (name == "/experts") {
        set_experts(value);
    } else if (name == "/combine") {
        set_combination(value);
    } else {
        return false;
    }
    return true;
}

void AssistantTalk::set_expert(const std::string& name) {
    const AssistantDescription& assistant = host_.assistant.description();
    const auto expert = assistant.find_expert(name);
    if (!expert && !name.empty()) {
        complain(fmt::format("{} has no expert {}; it has {}", assistant.name, printable(name),
                             assistant.expert_names()));
        return;
    }
    settings_.expert = expert;
    print_paragraph_aside(
        expert ? fmt::format("From now on {} answers, or whom a question names.",
                             assistant.experts[*expert].name)
               : "From now on the expert answers whom a question names, or the router.");
    tell_if_by_words();
}

void AssistantTalk::set_experts(const std::string& number) {
    const std::size_t most = host_.assistant.description().experts.size();
    const auto count = whole_number<std::uint32_t>(number);
    if (most == 1) {
        complain("there is one expert, so /experts changes nothing");
        return;
    }
    if (!number.empty() && (!count || *count < 1 || *count > most)) {
        complain(fmt::format("/experts wants a number from 1 to {}", most));
        return;
    }
    settings_.experts = count.value_or(0);
    if (number.empty()) {
        print_paragraph_aside(
            "From now on one expert answers, or several where none is likely enough alone.");
    } else if (*count == 1) {
        print_paragraph_aside("From now on one expert answers.");
    } else {
        print_paragraph_aside(fmt::format(
            "From now on {} experts answer together, as far as there is room.", *count));
    }
    tell_if_by_words();
}

void AssistantTalk::set_combination(const std::string& name) {
    const auto how = combination_named(name);
    if (!how && !name.empty()) {
        complain("/combine wants choose, merge, blend or attend");
        return;
    }
    settings_.combine = how;
    print_paragraph_aside(
        fmt::format("From now on several experts give one answer by {}.",
                    to_string(how.value_or(host_.assistant.description().combining.method))));
}

/// Where the chat began with an expert, and now asks whose a question is.
void AssistantTalk::tell_if_by_words() const {
    const bool asks_router = !settings_.expert || settings_.experts > 1;
    if (asks_router && !host_.assistant.router() &&
        host_.assistant.description().experts.size() > 1) {
        complain(
            "the chat began with an expert, so no router was made: keywords alone say whose a "
            "question is");
    }
}

}  // namespace hexcore
