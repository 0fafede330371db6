// A program that tracks its own memory, is told when it takes much, and draws a picture of it.
#include <atomic>
#include <cstdio>
#include <hexcore/tracker.hpp>
#include <string_view>
#include <vector>

using namespace hexcore::literals;

int main(int argc, char** argv) {
    std::atomic<int> alerts{0};
    auto tracker = hexcore::Tracker::start(
        {.interval = std::chrono::milliseconds(10),
         .alert_bytes = 100_MiB,
         .alert = [&](std::string_view device, hexcore::Bytes used, hexcore::Bytes since_start) {
             std::printf("%.*s has %llu MiB, %llu MiB more than at the start\n",
                         static_cast<int>(device.size()), device.data(),
                         static_cast<unsigned long long>(used.count() >> 20U),
                         static_cast<unsigned long long>(since_start.count() >> 20U));
             ++alerts;
         }});
    if (!tracker) {
        std::fprintf(stderr, "%s\n", tracker.error().message.c_str());
        return 1;
    }
    std::vector<std::vector<char>> kept;
    while (alerts == 0) {
        const hexcore::Tracker::Scope label("fill");
        kept.emplace_back(8U << 20U, 'x');
    }
    hexcore::Tracker::mark("filled");
    if (argc > 1) {
        if (const auto drawn = tracker->picture(argv[1]); !drawn) {
            std::fprintf(stderr, "%s\n", drawn.error().message.c_str());
            return 1;
        }
    }
    std::printf("%s\n", tracker->stop().c_str());
}
