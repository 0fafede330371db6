#pragma once

#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// What people call a change where an error is shown: a pattern of fmt over {device}, {value} and
/// {count}, or null where no more is to be said than everywhere.
using Wording = const char* (*)(const Remedy& remedy);

/// An error as one paragraph: what happened, what to change, what came after. Without a wording in
/// terms that name no option, as for a program that uses the library.
[[nodiscard]] std::string told(const Error& error, Wording wording = nullptr);

}  // namespace hexcore
