#pragma once

namespace hexcore {

/// Starts this program anew, in this process and with these arguments, after setting a variable of
/// the environment that is only read when a program starts. Returns only if that fails; then
/// nothing but the variable has changed.
void restart_with_variable(const char* name, const char* value, char** arguments);

}  // namespace hexcore
