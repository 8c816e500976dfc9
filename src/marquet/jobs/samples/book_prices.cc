#include "marquet/jobs/samples/book_prices_internal.h"

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/depth/price_units.h"

namespace marquet::jobs {
namespace {

constexpr int64_t kPricesLookedAt = 1 << 14;  // rows

}  // namespace

arrow::Status CheckBookPrices(const table::Table& book, int64_t micro_pip, const StopFlag* stop) {
  table::ScanOptions options;
  bool has_floats = false;
  for (const auto& field : book.schema()->fields()) {
    if (!depth::IsBookPrice(field->name())) continue;
    options.columns.push_back(field->name());
    has_floats = has_floats || arrow::is_floating(field->type()->id());
  }
  if (!has_floats) return arrow::Status::OK();
  options.limit = kPricesLookedAt;
  options.stop = stop;
  ARROW_ASSIGN_OR_RAISE(const auto scan, book.NewScan(std::move(options)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, scan.ToReader());
  depth::PriceUnits units(micro_pip);
  while (!units.known()) {
    std::shared_ptr<arrow::RecordBatch> rows;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&rows));
    if (rows == nullptr) break;
    ARROW_RETURN_NOT_OK(WithContext(units.Look(*rows), book.path()));
  }
  return arrow::Status::OK();
}

}  // namespace marquet::jobs
