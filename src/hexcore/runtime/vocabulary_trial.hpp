#pragma once

#include <functional>
#include <string_view>

#include "llama.h"

namespace hexcore {

/// Lets libllama do with a model's vocabulary and chat template whatever a run can ask of them:
/// every token as text, texts of every byte and of many languages as tokens and back, a
/// conversation in the template. What comes out is not looked at; libllama stops or throws where
/// the metadata do not hold what its tokenizer needs. `on_step` is told what is tried, before it
/// is.
void try_vocabulary(const llama_model& model, const std::function<void(std::string_view)>& on_step);

}  // namespace hexcore
