#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// Names the places of recorded stacks, by the symbols and the debug information of the modules'
/// files as they are on this machine now: a file that was built anew since gives wrong names. It
/// reads nothing but regular files.
class Symbols {
public:
    Symbols();
    ~Symbols();
    Symbols(const Symbols&) = delete;
    Symbols& operator=(const Symbols&) = delete;

    /// "keep() at train.cpp:88", "malloc in libc.so.6", or "train+0x1234" where no name is known;
    /// printable. A frame is taken for a return address: its line is that of the call.
    [[nodiscard]] std::string name_of(const RecordedFrame& frame);
    /// The same of each frame, the innermost first, from where the program tells what it takes on.
    [[nodiscard]] std::vector<std::string> names_of(const RecordedStack& stack);
    /// Modules that were asked for and cannot be read, such as those of another machine.
    [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

private:
    class Module;
    [[nodiscard]] Module* module_of(const std::string& path);

    std::map<std::string, std::unique_ptr<Module>> modules_;
    std::vector<std::string> missing_;
};

}  // namespace hexcore
