// Tables that Spark wrote: each is read, or refused with an error that names why. The values of those that
// are read are compared with their expected/ files by tests/python/test_delta_golden.py.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "marquet/base/error.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

struct Expected {
  int64_t version;  // -1: refused
  size_t files;
  int columns;
  std::string refusal;  // words of the error
};

Expected Read(int64_t version, size_t files, int columns) { return {version, files, columns, ""}; }
Expected Refused(std::string words) { return {-1, 0, 0, std::move(words)}; }

const std::map<std::string, Expected>& Tables() {
  static const std::map<std::string, Expected> tables = {
      {"124-decimal-decode-bug", Read(0, 2, 1)},
      {"basic-decimal-table-legacy", Read(0, 4, 4)},
      {"basic-with-inserts-deletes-checkpoint", Read(13, 7, 1)},
      {"basic-with-inserts-overwrite-restore", Read(3, 4, 1)},
      {"basic-with-vacuum-protocol-check-feature", Read(1, 2, 2)},
      {"canonicalized-paths-normal-b", Read(1, 0, 1)},
      {"canonicalized-paths-special-b", Read(1, 0, 1)},
      {"corrupted-last-checkpoint-kernel", Read(11, 2, 1)},
      {"data-reader-array-complex-objects", Read(0, 2, 5)},
      {"data-reader-date-types-America", Read(0, 2, 2)},
      {"data-reader-date-types-Etc", Read(0, 2, 2)},
      {"data-reader-date-types-Jst", Read(0, 2, 2)},
      {"data-reader-date-types-utc", Read(0, 2, 2)},
      {"data-reader-map", Read(0, 2, 7)},
      {"data-reader-nullable-field-invalid-schema-key", Read(0, 2, 1)},
      {"data-reader-primitives", Read(0, 2, 10)},
      {"data-reader-timestamp_ntz-name-mode", Refused("columnMapping (delta.columnMapping.mode = 'name')")},
      {"data-skipping-basic-stats-all-types-checkpoint", Read(0, 1, 10)},
      {"data-skipping-basic-stats-all-types-columnmapping-name",
       Refused("columnMapping (delta.columnMapping.mode = 'name')")},
      {"data-skipping-change-stats-collected-across-versions", Read(4, 3, 2)},
      {"decimal-various-scale-precision", Read(0, 1, 29)},
      {"deltalog-commit-info", Read(0, 1, 0)},
      {"deltalog-invalid-protocol-version", Refused("reader version 99")},
      {"deltalog-state-reconstruction-from-checkpoint-missing-protocol", Read(10, 11, 0)},
      {"deltalog-state-reconstruction-without-protocol", Refused("no protocol action")},
      {"dv-with-columnmapping", Refused("deletionVectors")},
      {"kernel-timestamp-int96", Read(0, 5, 3)},
      {"kernel-timestamp-timestamp_micros", Read(0, 5, 3)},
      {"log-replay-dv-key-cases", Refused("deletionVectors")},
      {"log-replay-special-characters", Read(1, 0, 1)},
      {"log-replay-special-characters-a", Read(1, 0, 1)},
      {"no-delta-log-folder", Refused("has no _delta_log")},
      {"parquet-all-types-legacy-format", Read(0, 1, 20)},
      {"snapshot-data0", Read(0, 2, 2)},
      {"snapshot-data2-deleted", Read(4, 3, 2)},
      {"snapshot-data3", Read(3, 4, 2)},
      {"snapshot-vacuumed", Read(5, 2, 2)},
      {"table-with-columnmapping-mode-name", Refused("columnMapping (delta.columnMapping.mode = 'name')")},
      {"time-travel-partition-changes-b", Read(1, 4, 2)},
      {"time-travel-schema-changes-b", Read(1, 4, 2)},
      {"time-travel-start-start20", Read(1, 4, 1)},
      {"update-deleted-directory", Read(0, 10, 0)},
      {"v2-checkpoint-parquet", Read(2, 4, 1)},
  };
  return tables;
}

std::filesystem::path GoldenDirectory() {
  const char* data = ::getenv("MARQUET_TEST_DATA");
  return std::filesystem::path(data != nullptr ? data : MARQUET_SOURCE_DIR "/../shared/data") /
         "delta-golden";
}

TEST(GoldenTest, EveryTableIsReadOrRefusedByName) {
  if (!std::filesystem::is_directory(GoldenDirectory())) {
    const char* ci = ::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true") {
      FAIL() << GoldenDirectory() << " is not there; set MARQUET_TEST_DATA";
    }
    GTEST_SKIP() << GoldenDirectory() << " is not there; set MARQUET_TEST_DATA";
  }
  const TestTable scratch;
  size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenDirectory())) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(".tar.zst")) continue;
    name.resize(name.size() - std::string_view(".tar.zst").size());
    SCOPED_TRACE(name);
    const std::string unpack =
        fmt::format("tar --zstd -xf '{}' -C '{}'", entry.path().string(), scratch.path());
    ASSERT_EQ(std::system(unpack.c_str()), 0);
    const auto expected = Tables().find(name);
    ASSERT_NE(expected, Tables().end()) << "say in this test what is to become of it";
    ++seen;

    const auto snapshot =
        Log(file::LocalFileSystem(), fmt::format("{}/{}/delta", scratch.path(), name)).Latest();
    if (expected->second.version < 0) {
      ASSERT_FALSE(snapshot.ok());
      EXPECT_NE(snapshot.status().message().find(expected->second.refusal), std::string::npos)
          << snapshot.status();
      continue;
    }
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_EQ((*snapshot)->version, expected->second.version);
    EXPECT_EQ((*snapshot)->files.size(), expected->second.files);
    EXPECT_EQ((*snapshot)->schema->num_fields(), expected->second.columns);
    for (const auto& file : (*snapshot)->files) EXPECT_GT(file->size, 0) << file->path;
  }
  EXPECT_EQ(seen, Tables().size());
}

}  // namespace
}  // namespace marquet::delta
