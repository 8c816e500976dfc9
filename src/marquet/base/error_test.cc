#include "marquet/base/error.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace marquet {
namespace {

TEST(ErrorTest, KeepsKindHintAndErrnoThroughContext) {
  const arrow::Status full = StorageError(ENOSPC, "write", "/t/a.parquet", "Free some space.");
  const arrow::Status outer = WithContext(full, "ingest");
  EXPECT_EQ(KindOf(outer), ErrorKind::kStorage);
  EXPECT_EQ(ErrnoOf(outer), ENOSPC);
  EXPECT_EQ(PathOf(outer), "/t/a.parquet");
  EXPECT_EQ(HintOf(outer), "Free some space.");
  EXPECT_EQ(OneLine(outer), "storage: ingest: /t/a.parquet: cannot write: No space left on device");
}

TEST(ErrorTest, NamesMissingAndTakenFilesByKind) {
  EXPECT_TRUE(IsKind(StorageError(ENOENT, "open", "a"), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(StorageError(EEXIST, "link", "a"), ErrorKind::kAlreadyExists));
}

TEST(ErrorTest, MapsArrowsOwnStatuses) {
  EXPECT_EQ(KindOf(arrow::Status::NotImplemented("x")), ErrorKind::kUnsupported);
  EXPECT_EQ(KindOf(arrow::Status::IOError("x")), ErrorKind::kStorage);
  EXPECT_FALSE(IsKind(arrow::Status::OK(), ErrorKind::kInvalidInput));
  EXPECT_TRUE(WithContext(arrow::Status::OK(), "x").ok());
}

TEST(ErrorTest, PutsAMessageOnOneLine) { EXPECT_EQ(OneLine(CorruptData("a\nb")), "corrupt data: a b"); }

}  // namespace
}  // namespace marquet
