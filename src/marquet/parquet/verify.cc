#include "marquet/parquet/verify.h"

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/parquet/footer_internal.h"
#include "marquet/parquet/verify_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {

arrow::Status CheckWritten(arrow::io::RandomAccessFile& file, const std::string& path,
                           const ::parquet::FileMetaData& footer, VerifyLevel) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  ARROW_ASSIGN_OR_RAISE(const Footer found, ReadFooter(file, path, size));
  if (!found.metadata->Equals(footer)) {
    return CorruptData(fmt::format("{}: the footer read back differs from the one that was written", path));
  }
  return arrow::Status::OK();
}

}  // namespace marquet::pq
