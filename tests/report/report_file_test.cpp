#include "hexcore/report/report_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "hexcore/base/file_descriptor.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string all_of_report(const fs::path& path) {
    std::ostringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
}

Result<void> write_report_to(const fs::path& path, std::string_view text) {
    HEXCORE_TRY(file, ReportFile::begin(path.string()));
    file.add(text);
    return file.finish();
}

class ReportFiles : public ::testing::Test {
protected:
    ReportFiles() {
        fs::create_directory(folder_);
        ::setenv("XDG_STATE_HOME", (base_ / "state").c_str(), 1);
    }
    ~ReportFiles() override { ::unsetenv("XDG_STATE_HOME"); }

    [[nodiscard]] std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }

    test::TempFolder base_;
    fs::path folder_ = base_ / "folder";
    fs::path path_ = folder_ / "report.json";
};

TEST_F(ReportFiles, AreThereWholeOrNotAtAll) {
    ASSERT_TRUE(write_report_to(path_, "one").has_value());
    {
        auto file = ReportFile::begin(path_.string());
        ASSERT_TRUE(file.has_value());
        file->add(std::string(200'000, 'x'));
        EXPECT_EQ(all_of_report(path_), "one");
    }
    EXPECT_EQ(all_of_report(path_), "one");
    ASSERT_TRUE(write_report_to(path_, "three").has_value());
    EXPECT_EQ(all_of_report(path_), "three");
    EXPECT_EQ(files(), 1U);
}

TEST_F(ReportFiles, TakeThePlaceOfWhatALinkLeadsTo) {
    fs::create_symlink("target.json", path_);
    for (const char* text : {"one", "two"}) {
        ASSERT_TRUE(write_report_to(path_, text).has_value());
        EXPECT_TRUE(fs::is_symlink(path_));
        EXPECT_EQ(all_of_report(folder_ / "target.json"), text);
        EXPECT_EQ(files(), 2U);
    }
}

TEST_F(ReportFiles, GoIntoAPipeWhichIsOpenFromTheFirstLookOn) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    const FileDescriptor reader(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(reader.is_open());
    std::array<char, 64> bytes{};
    {
        auto place = ReportPlace::open(path_.string());
        ASSERT_TRUE(place.has_value()) << place.error().message;
        const bool is_waiting = reader.read(bytes.data(), bytes.size()) < 0 && errno == EAGAIN;
        EXPECT_TRUE(is_waiting) << "it is not at its end";
        auto file = place->begin();
        ASSERT_TRUE(file.has_value());
        file->add("a report");
        ASSERT_TRUE(file->finish().has_value());
    }
    EXPECT_EQ(reader.read(bytes.data(), bytes.size()), 8);
    EXPECT_EQ(std::string_view(bytes.data(), 8), "a report");
    EXPECT_EQ(reader.read(bytes.data(), bytes.size()), 0);
    EXPECT_TRUE(fs::is_fifo(path_));
    EXPECT_EQ(files(), 1U);
}

TEST_F(ReportFiles, OfAPipeThatNobodyReadsAreNotWaitedFor) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    const auto refused = ReportPlace::open(path_.string());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::negative);
    EXPECT_THAT(refused.error().message, HasSubstr("a pipe that nobody reads"));
    EXPECT_TRUE(fs::is_fifo(path_));
}

TEST_F(ReportFiles, GoBehindWhatWasWrittenToAFileThatIsOpen) {
    std::ofstream(path_) << "before ";
    const FileDescriptor open(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(open.is_open());
    const fs::path link = folder_ / "link.json";
    fs::create_symlink("/proc/self/fd/" + std::to_string(open.get()), link);
    ASSERT_TRUE(write_report_to(link, "a report").has_value());
    EXPECT_EQ(all_of_report(path_), "before a report");
    EXPECT_TRUE(fs::is_symlink(link));
}

TEST_F(ReportFiles, GoIntoADeviceWhichStays) {
    const auto make = [&](unsigned minor) {
        fs::remove(path_);
        return ::mknod(path_.c_str(), S_IFCHR | 0600, makedev(1, minor)) == 0 &&
               FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CLOEXEC)).is_open();
    };
    if (!make(3)) {
        GTEST_SKIP() << "no device can be made here: " << std::strerror(errno);
    }
    EXPECT_TRUE(write_report_to(path_, "a report").has_value());
    EXPECT_TRUE(fs::is_character_file(path_));
    ASSERT_TRUE(make(7));  // one that is always full
    const auto full = write_report_to(path_, "a report");
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().code, ErrorCode::negative);
    EXPECT_THAT(full.error().message, HasSubstr("No space left on device"));
    EXPECT_TRUE(fs::is_character_file(path_));
    EXPECT_EQ(files(), 1U);
}

TEST_F(ReportFiles, AreNoFolders) {
    EXPECT_THAT(write_report_to(folder_, "").error().message, HasSubstr("Is a directory"));
}

TEST_F(ReportFiles, AreForTheirOwnerOrForWhomTheOldOneWas) {
    const auto mode = [&] {
        struct stat facts {};
        EXPECT_EQ(::stat(path_.c_str(), &facts), 0);
        return facts.st_mode & 0777U;
    };
    EXPECT_TRUE(write_report_to(path_, "one").has_value());
    EXPECT_EQ(mode(), 0600U);
    ::chmod(path_.c_str(), 0604);
    EXPECT_TRUE(write_report_to(path_, "two").has_value());
    EXPECT_EQ(mode(), 0604U);
}

TEST_F(ReportFiles, NeverTakeThePlaceOfAModelOrARecording) {
    for (const std::string content : {"GGUF and more", "hexcore.hxr/1\nand more"}) {
        std::ofstream(path_) << content;
        EXPECT_EQ(ReportPlace::open(path_.string()).error().code, ErrorCode::usage);
        EXPECT_EQ(write_report_to(path_, "a report").error().code, ErrorCode::usage);
        EXPECT_EQ(all_of_report(path_), content);
        std::ofstream(path_) << "an older report";
    }
    auto place = ReportPlace::open(path_.string());
    ASSERT_TRUE(place.has_value());
    std::ofstream(path_) << "GGUF, which came later";
    EXPECT_EQ(place->begin().error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace hexcore
