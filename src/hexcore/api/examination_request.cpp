#include "hexcore/api/examination_request.hpp"

#include <limits>

#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

// The first argument. No command of the program's, so that neither its help nor completions know
// of it.
constexpr const char* mark = "--examine";

}  // namespace

std::string_view examination_greeting() { return "hexcore " HEXCORE_VERSION " examines\n"; }

std::vector<std::string> ExaminationRequest::arguments() const {
    return {mark,
            std::to_string(parent),
            std::to_string(context.tokens.value()),
            std::to_string(context.sequences),
            std::to_string(context.ubatch.value()),
            to_string(context.kv_type),
            model.string()};
}

Result<std::optional<ExaminationRequest>> ExaminationRequest::parse(
    const std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments[0] != mark) {
        return std::nullopt;
    }
    constexpr std::uint32_t largest_pid = std::numeric_limits<pid_t>::max();
    constexpr std::size_t n_arguments = 7;
    if (arguments.size() == n_arguments) {
        const auto parent = whole_number<std::uint32_t>(arguments[1]);
        const auto tokens = whole_number<std::uint32_t>(arguments[2]);
        const auto sequences = whole_number<std::uint32_t>(arguments[3]);
        const auto ubatch = whole_number<std::uint32_t>(arguments[4]);
        const auto kv_type = parse_kv_type(arguments[5]);
        if (parent && *parent <= largest_pid && tokens && sequences && ubatch && kv_type) {
            return ExaminationRequest{.parent = static_cast<pid_t>(*parent),
                                      .context = {.tokens = TokenCount(*tokens),
                                                  .sequences = *sequences,
                                                  .kv_type = *kv_type,
                                                  .ubatch = TokenCount(*ubatch)},
                                      .model = arguments[6]};
        }
    }
    return fail(ErrorCode::usage, "{} is for the program itself", mark);
}

}  // namespace hexcore
