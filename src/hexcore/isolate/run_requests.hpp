#pragma once

#include <vector>

namespace hexcore {

/// What whoever started a run asks of it meanwhile.
class RunRequests {
public:
    enum class Request {
        none,
        stop,      ///< start nothing more, end what runs, clean up
        stop_now,  ///< the same at once
        show,      ///< say what runs
    };

    RunRequests() = default;
    virtual ~RunRequests() = default;
    RunRequests(const RunRequests&) = delete;
    RunRequests& operator=(const RunRequests&) = delete;

    /// Readable where there may be one.
    [[nodiscard]] virtual std::vector<int> descriptors() const { return {}; }
    /// The next that has come.
    [[nodiscard]] virtual Request take() { return Request::none; }
};

}  // namespace hexcore
