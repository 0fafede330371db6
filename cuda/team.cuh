// What is behind a team: cards, and what they and the host tell each other through.
#pragma once

#include <atomic>
#include <vector>

#include "engine.cuh"

struct hexcore_cuda_team {
    std::vector<hexcore_cuda_engine*> engines;     // the first one at home
    std::vector<hexcore_cuda::Word*> boxes;        // of each; null: of one card
    hexcore_cuda::Word* in_main_memory = nullptr;  // all boxes, where cards can't reach each other
    hexcore_cuda::Word* host_messages = nullptr;   // [message][message_words]; null: no host
    hexcore_cuda::Word* host_rows = nullptr;       // [n_used][n_embd]
    size_t message_words = 0;
    std::vector<unsigned> heard;  // [message] the number of the last one
    std::atomic<bool> is_given_up{false};
};
