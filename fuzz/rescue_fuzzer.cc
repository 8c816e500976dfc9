// A file without a footer, or with any: walked with a fixed schema.
//
// What comes back must be a file that is whole and has the rows that the report says; the source stays as it
// was.
#include <cstdint>
#include <cstdlib>

#include "arrow/api.h"
#include "arrow/io/memory.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/parquet/rescue/page_walk_internal.h"
#include "marquet/parquet/rescue/rescue.h"
#include "marquet/parquet/verify/verify.h"

namespace {

using marquet::file::MemoryFileSystem;

// A few bytes may stand for any number of nulls; more than this only takes time.
constexpr int64_t kMostValues = 1 << 18;

void Require(bool condition) {
  if (!condition) std::abort();
}

bool TooMany(const std::shared_ptr<arrow::Buffer>& bytes) {
  marquet::pq::PageWalk walk(std::make_shared<arrow::io::BufferReader>(bytes), {4, bytes->size()});
  int64_t values = 0;
  for (int64_t number = 0;; ++number) {
    const auto page = walk.At(number);
    if (!page.ok() || *page == nullptr) return false;
    values += (*page)->header.values;
    if (values > kMostValues) return true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace pq = marquet::pq;
  static const pq::RescueSchema schema =
      pq::SchemaOfColumns(
          arrow::schema({arrow::field("a", arrow::int64(), /*nullable=*/false),
                         arrow::field("b", arrow::float64()), arrow::field("c", arrow::utf8()),
                         arrow::field("d", arrow::list(arrow::int32()))}),
          "columns")
          .ValueOrDie();
  const auto bytes = std::make_shared<arrow::Buffer>(data, static_cast<int64_t>(size));
  if (size > 4 && TooMany(bytes)) return 0;

  const auto fs = std::make_shared<MemoryFileSystem>();
  {
    auto file = fs->CreateNew("broken.parquet").ValueOrDie();
    if (size > 0) Require(file->Append(data, static_cast<int64_t>(size)).ok());
    Require(file->Close().ok());
  }
  pq::RescueOptions options;
  options.parallel = options.write.parallel = false;
  const auto report = pq::Rescue(
      fs, "broken.parquet", "out.parquet",
      [&]() -> arrow::Result<std::optional<pq::RescueSchema>> { return schema; }, options);
  const auto source = marquet::file::ReadAll(*fs, "broken.parquet").ValueOrDie();
  Require(std::string_view(source) == std::string_view(*bytes));
  const bool written = marquet::file::Exists(*fs, "out.parquet").ValueOrDie();
  if (!report.ok()) {
    Require(!written);
    return 0;
  }
  Require(report->bytes_recovered + report->bytes_lost + report->bytes_unknown <=
              static_cast<int64_t>(size) ||
          report->footer);
  Require(written == !report->out.empty());
  if (!written) return 0;
  const auto verdict = pq::VerifyFile(*fs, "out.parquet", pq::VerifyLevel::kFull).ValueOrDie();
  Require(verdict.ok && verdict.rows == report->rows && report->rows > 0);
  return 0;
}
