#include "marquet/jobs/samples/book_prices_internal.h"

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/depth/price_units.h"

namespace marquet::jobs {

arrow::Status CheckBookPrices(const table::Table& book, const SymbolReader& reader, const std::string& symbol,
                              int64_t micro_pip) {
  std::vector<std::string> columns;
  bool has_floats = false;
  for (const auto& field : book.schema()->fields()) {
    if (!depth::IsBookPrice(field->name())) continue;
    columns.push_back(field->name());
    has_floats = has_floats || arrow::is_floating(field->type()->id());
  }
  if (!has_floats) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto sequence, reader.Open(symbol, std::move(columns)));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) return arrow::Status::OK();
    // Each by itself: rows that were appended later may have come from elsewhere.
    ARROW_RETURN_NOT_OK(WithContext(depth::PriceUnits(micro_pip).Look(*batch->rows),
                                    fmt::format("{}: {}", book.path(), symbol)));
  }
}

}  // namespace marquet::jobs
