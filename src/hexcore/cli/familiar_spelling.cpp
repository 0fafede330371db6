#include "hexcore/cli/familiar_spelling.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace hexcore {
namespace {

/// An option of llama.cpp's common/arg.cpp that means what one of ours does.
struct Spelling {
    std::string_view theirs;
    std::string_view ours;  ///< empty: the value is an argument without an option
};
constexpr std::array spellings{
    Spelling{"-m", ""},
    Spelling{"--model", ""},
    Spelling{"--ctx-size", "--ctx"},
    Spelling{"--predict", "-n"},
    Spelling{"--n-predict", "-n"},
    Spelling{"-ub", "--ubatch"},
    Spelling{"--ubatch-size", "--ubatch"},
    Spelling{"-np", "--sequences"},
    Spelling{"--parallel", "--sequences"},
    Spelling{"--temperature", "--temp"},
    Spelling{"--typical-p", "--typical"},
    Spelling{"--top-n-sigma", "--top-nsigma"},
};

constexpr const char* placing =
    "the planner places layers and experts by itself; name the devices instead, each with what it "
    "may hold: --device cuda:0=16GiB";
constexpr const char* cache_type = "--kv-type TYPE sets the type of keys and of values";
constexpr const char* no_download = "nothing is downloaded; name a GGUF file";
constexpr const char* no_mapping =
    "weights are always read into memory that is committed for them, so no option is needed";
constexpr const char* chatting = "run is a chat where neither -p nor --file gives a text";

/// One that means something else here, or nothing.
struct Replacement {
    std::string_view theirs;
    const char* instead;
};
constexpr std::array replacements{
    Replacement{"-ngl", placing},
    Replacement{"--gpu-layers", placing},
    Replacement{"--n-gpu-layers", placing},
    Replacement{"-ts", placing},
    Replacement{"--tensor-split", placing},
    Replacement{"-sm", placing},
    Replacement{"--split-mode", placing},
    Replacement{"-mg", placing},
    Replacement{"--main-gpu", placing},
    Replacement{"-ot", placing},
    Replacement{"--override-tensor", placing},
    Replacement{"-cmoe", placing},
    Replacement{"--cpu-moe", placing},
    Replacement{"-ncmoe", placing},
    Replacement{"--n-cpu-moe", placing},
    Replacement{"-dev", placing},
    Replacement{"--rpc", "an RPC server is a device: --device rpc:HOST:PORT=16GiB"},
    Replacement{"-ctk", cache_type},
    Replacement{"--cache-type-k", cache_type},
    Replacement{"-ctv", cache_type},
    Replacement{"--cache-type-v", cache_type},
    Replacement{"-b", "prompts are computed in batches of up to --ubatch N tokens"},
    Replacement{"--batch-size", "prompts are computed in batches of up to --ubatch N tokens"},
    Replacement{"-fa", "flash attention is used wherever the model allows it"},
    Replacement{"--flash-attn", "flash attention is used wherever the model allows it"},
    Replacement{"--mmap", no_mapping},
    Replacement{"--no-mmap", no_mapping},
    Replacement{"--mlock", no_mapping},
    Replacement{"-hf", no_download},
    Replacement{"--hf-repo", no_download},
    Replacement{"-mu", no_download},
    Replacement{"--model-url", no_download},
    Replacement{"-cnv", chatting},
    Replacement{"--conversation", chatting},
    Replacement{"-no-cnv", chatting},
    Replacement{"--no-conversation", chatting},
};

/// The entry for an option of theirs, or null.
template <typename Table>
const typename Table::value_type* find(const Table& table, std::string_view name) {
    const auto entry = std::find_if(table.begin(), table.end(),
                                    [&](const auto& each) { return each.theirs == name; });
    return entry == table.end() ? nullptr : &*entry;
}

const ArgumentSpec* own_option(const CommandSpec& command, std::string_view name) {
    for (const ArgumentSpec& option : command.options) {
        if (std::find(option.names.begin(), option.names.end(), name) != option.names.end()) {
            return &option;
        }
    }
    return nullptr;
}

const CommandSpec* inner_command(const CommandSpec& command, std::string_view name) {
    const auto found = std::find_if(command.commands.begin(), command.commands.end(),
                                    [&](const CommandSpec& inner) { return inner.name == name; });
    return found == command.commands.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<std::string>> in_own_spelling(const std::vector<std::string>& words,
                                                 const CommandSpec& program) {
    if (!words.empty() && words.front() == "help") {
        std::vector<std::string> rest(words.begin() + 1, words.end());
        // What is no command is to be told so, not to be answered with all commands.
        if (rest.empty() || inner_command(program, rest.front()) != nullptr) {
            rest.emplace_back("--help");
        }
        return rest;
    }
    const CommandSpec* command = &program;
    std::vector<std::string> result;
    for (auto word = words.begin(); word != words.end(); ++word) {
        if (*word == "--") {
            result.insert(result.end(), word, words.end());
            break;
        }
        const std::string_view name = std::string_view(*word).substr(0, word->find('='));
        const bool has_value = name.size() < word->size();
        bool takes_value = false;
        if (const ArgumentSpec* own = own_option(*command, name)) {
            takes_value = own->takes != ValueKind::none;
            result.push_back(*word);
        } else if (const auto* replaced = find(replacements, name)) {
            return fail(ErrorCode::usage, "there is no option {} here: {}", name,
                        replaced->instead);
        } else if (const auto* spelling = find(spellings, name)) {
            takes_value = true;
            if (!spelling->ours.empty()) {
                result.emplace_back(spelling->ours);
            }
            if (has_value) {
                result.push_back(word->substr(name.size() + 1));
            }
        } else {
            const CommandSpec* inner = inner_command(*command, *word);
            command = inner != nullptr ? inner : command;
            result.push_back(*word);
        }
        // A value may look like anything, also like an option.
        if (takes_value && !has_value && std::next(word) != words.end()) {
            result.push_back(*++word);
        }
    }
    return result;
}

}  // namespace hexcore
