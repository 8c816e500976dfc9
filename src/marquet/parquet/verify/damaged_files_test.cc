// Files that other projects keep because a reader once crashed on them (apache/parquet-testing).
#include <map>

#include "marquet/base/error.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"

namespace marquet::pq {
namespace {

class DamagedFilesTest : public FileTest {
 protected:
  void SetUp() override {
    FileTest::SetUp();
    const char* root = std::getenv("MARQUET_TEST_DATA");
    data_ = std::filesystem::path(root != nullptr ? root : "../shared/data") / "parquet-testing";
    if (!std::filesystem::exists(data_)) GTEST_SKIP() << data_ << " is not there";
  }
  std::filesystem::path data_;
};

TEST_F(DamagedFilesTest, BadDataEndsInCorruptDataThatNamesTheFile) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("bad_data_") || entry.path().extension() != ".parquet") continue;
    ++files;
    const auto table = ReadTable(entry.path().string());
    const auto verdict = VerifyFile(*fs_, entry.path().string(), VerifyLevel::kFull);
    if (name == "bad_data_ARROW-GH-43605.parquet") {
      // Indices of zero bits are odd, and well defined: every value is the dictionary's first.
      EXPECT_EQ(Value(table)->num_rows(), 21186);
      continue;
    }
    ASSERT_FALSE(table.ok()) << name;
    EXPECT_TRUE(IsKind(table.status(), ErrorKind::kCorruptData)) << name << ": " << table.status().ToString();
    EXPECT_NE(table.status().message().find(name), std::string::npos) << table.status().ToString();
    if (verdict.ok()) {
      EXPECT_FALSE(verdict->ok) << name;
    }
  }
  EXPECT_GT(files, 0);
}

TEST_F(DamagedFilesTest, AWrongChecksumIsFound) {
  const std::string path = (data_ / "data_datapage_v1-corrupt-checksum.parquet").string();
  EXPECT_TRUE(IsKind(ReadTable(path).status(), ErrorKind::kCorruptData))
      << ReadTable(path).status().ToString();
  EXPECT_FALSE(Value(VerifyFile(*fs_, path, VerifyLevel::kCrc)).ok);
}

TEST_F(DamagedFilesTest, RightChecksumsPass) {
  for (const char* name :
       {"data_datapage_v1-snappy-compressed-checksum.parquet",
        "data_datapage_v1-uncompressed-checksum.parquet", "data_plain-dict-uncompressed-checksum.parquet",
        "data_rle-dict-snappy-checksum.parquet"}) {
    const std::string path = (data_ / name).string();
    const FileVerdict verdict = Value(VerifyFile(*fs_, path, VerifyLevel::kFull));
    EXPECT_TRUE(verdict.ok) << name << ": " << (verdict.ok ? "" : verdict.damage[0].message);
    EXPECT_EQ(Value(ReadTable(path))->num_rows(), verdict.rows);
  }
}

}  // namespace
}  // namespace marquet::pq
