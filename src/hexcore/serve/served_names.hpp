#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/serve/api_error.hpp"

namespace hexcore {

/// Whom a request asks by its field `model`: the model that is loaded, or an assistant over it.
struct Addressee {
    bool is_assistant = false;
    std::optional<std::size_t> expert = {};  ///< of the assistant; nothing: the question says whose
};

/// What the models that a server offers are called in `GET /v1/models`, each with what of the
/// context a session has: the loaded one; of an assistant (null: none) NAME, and NAME:EXPERT for
/// each of its experts.
[[nodiscard]] nlohmann::ordered_json models_json(const Plan& plan,
                                                 const AssistantDescription* assistant);

/// Who has that name. Any that is none of the assistant's is the loaded model's, and so is its own,
/// unless the assistant has the same. Fails with 404 for an expert that there is not.
[[nodiscard]] Asked<Addressee> find_addressee(std::string_view name, const Plan& plan,
                                              const AssistantDescription* assistant);

}  // namespace hexcore
