#include "hexcore/base/write_place.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "hexcore/base/file_descriptor.hpp"
#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Kind = WritePlace::Kind;

class WritePlaces : public ::testing::Test {
protected:
    WritePlaces() {
        std::ofstream(file_) << "some text";
        ::chmod(file_.c_str(), 0604);
    }

    TempFolder folder_;
    fs::path file_ = folder_ / "file";
    fs::path link_ = folder_ / "link";
};

TEST_F(WritePlaces, AreOfFourKinds) {
    const auto file = write_place(file_);
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(file->kind, Kind::file);
    EXPECT_EQ(file->mode, 0604U);
    EXPECT_EQ(file->owner, ::geteuid());
    EXPECT_EQ(write_place(folder_ / "none").value().kind, Kind::nothing);
    EXPECT_EQ(write_place(folder_ / "none" / "file").value().kind, Kind::nothing);
    EXPECT_EQ(write_place(folder_.path()).value().kind, Kind::folder);
    const fs::path pipe = folder_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(write_place(pipe).value().kind, Kind::stream);
    EXPECT_EQ(write_place("/dev/null").value().kind, Kind::stream);
    EXPECT_FALSE(write_place(file_ / "below").has_value());
}

TEST_F(WritePlaces, AreWhereLinksLead) {
    fs::create_symlink("file", folder_ / "nearer");
    fs::create_symlink(folder_ / "nearer", link_);
    const auto file = write_place(link_);
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(file->kind, Kind::file);
    EXPECT_EQ(file->path, file_);
    fs::remove(file_);
    EXPECT_EQ(write_place(link_).value().kind, Kind::nothing);
    EXPECT_EQ(write_place(link_).value().path, file_);
    fs::create_directory(file_);
    EXPECT_EQ(write_place(link_).value().kind, Kind::folder);
}

TEST_F(WritePlaces, AreNoneWhereLinksGoInACircle) {
    fs::create_symlink("link", folder_ / "other");
    fs::create_symlink("other", link_);
    const auto place = write_place(link_);
    ASSERT_FALSE(place.has_value());
    EXPECT_THAT(place.error().message, HasSubstr(link_.string()));
}

TEST_F(WritePlaces, OfWhatIsOpenAreStreamsWhateverTheirNames) {
    const FileDescriptor open(::open(file_.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(open.is_open());
    fs::create_symlink("/proc/self/fd/" + std::to_string(open.get()), link_);
    EXPECT_EQ(write_place(link_).value().kind, Kind::stream);
    fs::remove(file_);
    EXPECT_EQ(write_place(link_).value().kind, Kind::stream);
}

}  // namespace
}  // namespace hexcore::test
