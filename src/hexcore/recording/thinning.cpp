#include "hexcore/recording/thinning.hpp"

namespace hexcore {

void Thinning::set_bucket(std::chrono::microseconds width) {
    flush();
    width_ = width;
}

void Thinning::row(const RecordedRow& row) {
    if (width_.count() == 0) {
        keep_(row);
        return;
    }
    Waiting& waiting = waiting_[row.device];
    const std::int64_t bucket = row.time / width_;
    const Bytes total = row.total();
    if (waiting.is_there && waiting.bucket != bucket) {
        waiting.is_there = false;
        keep_(waiting.row);
    }
    if (!waiting.is_there || total > waiting.total) {
        waiting.is_there = true;
        waiting.bucket = bucket;
        waiting.total = total;
        waiting.row = row;
    }
}

void Thinning::flush() {
    for (Waiting& waiting : waiting_) {
        if (waiting.is_there) {
            waiting.is_there = false;
            keep_(waiting.row);
        }
    }
}

}  // namespace hexcore
