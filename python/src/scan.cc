#include <memory>

#include "arrow/table.h"
#include "arrow_exchange.h"
#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "filter.h"
#include "interrupt.h"
#include "marquet/base/error.h"
#include "marquet/schema/units.h"
#include "table.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

// The stop flag that the scan looks at has to outlive each of its streams.
struct PyScan {
  std::shared_ptr<table::Table> table;
  std::shared_ptr<StopFlag> stop;
  std::shared_ptr<table::Scan> scan;
};

schema::PriceForm ParsePrice(const std::string& form) {
  if (form == "stored") return schema::PriceForm::kStored;
  if (form == "float") return schema::PriceForm::kFloat;
  if (form == "decimal") return schema::PriceForm::kDecimal;
  Throw(InvalidInput("unknown price form '" + form + "'; expected stored, float or decimal"));
}

PyScan NewScan(const PyTable& self, std::vector<std::string> columns, nb::object filter,
               std::optional<int64_t> start_ns, std::optional<int64_t> end_ns, std::string time_column,
               std::vector<std::string> sort_by, std::optional<int64_t> limit, int64_t batch_size,
               int64_t memory, const std::string& price, bool stored_types, bool use_threads) {
  PyScan result{self.table, std::make_shared<StopFlag>(), nullptr};
  table::ScanOptions options;
  options.columns = std::move(columns);
  options.where = ToPredicate(filter);
  options.start_ns = start_ns;
  options.end_ns = end_ns;
  options.time_column = std::move(time_column);
  options.sort_by = std::move(sort_by);
  options.limit = limit;
  options.batch_rows = batch_size;
  options.memory = memory;
  options.price = ParsePrice(price);
  options.stored_types = stored_types;
  options.use_threads = use_threads;
  options.stop = result.stop.get();
  result.scan = std::make_shared<table::Scan>(
      Unwrap(WithoutGil([&] { return self.table->NewScan(std::move(options)); }), self.table->path()));
  return result;
}

ArrowStream ToStream(const PyScan& self) {
  self.stop->Reset();
  auto reader = Unwrap(Interruptible(*self.stop, [&] { return self.scan->ToReader(); }), self.table->path());
  return {std::move(reader), self.stop, std::make_shared<PyScan>(self)};
}

ArrowStream ToTable(const PyScan& self) {
  self.stop->Reset();
  auto rows = Unwrap(Interruptible(*self.stop, [&] { return self.scan->ToTable(); }), self.table->path());
  return {std::make_shared<arrow::TableBatchReader>(rows), self.stop, rows};
}

int64_t Count(const PyScan& self) {
  self.stop->Reset();
  return Unwrap(Interruptible(*self.stop, [&] { return self.scan->Count(); }), self.table->path());
}

Record Statistics(const PyScan& self) {
  const table::ScanStatistics statistics = self.scan->statistics();
  Record dict;
  dict["files"] = statistics.files;
  dict["files_read"] = statistics.files_read;
  dict["row_groups"] = statistics.row_groups;
  dict["row_groups_read"] = statistics.row_groups_read;
  dict["rows_decoded"] = statistics.rows_decoded;
  dict["rows_returned"] = statistics.rows_returned;
  dict["peak_bytes"] = statistics.peak_bytes;
  return dict;
}

}  // namespace

void RegisterScan(nb::module_& module) {
  nb::class_<PyScan>(module, "Scan", "Which rows and columns of a table; see marquet.Scan.")
      .def_prop_ro("schema", [](const PyScan& self) { return ArrowSchema{self.scan->schema()}; })
      .def("stream", &ToStream, "The rows as they are read.")
      .def("table", &ToTable, "All rows, read in parallel.")
      .def("count", &Count)
      .def("statistics", &Statistics);

  module.def("scan", &NewScan, nb::arg("table"), nb::arg("columns"), nb::arg("filter").none(),
             nb::arg("start_ns").none(), nb::arg("end_ns").none(), nb::arg("time_column"), nb::arg("sort_by"),
             nb::arg("limit").none(), nb::arg("batch_size"), nb::arg("memory"), nb::arg("price"),
             nb::arg("stored_types"), nb::arg("use_threads"));
}

}  // namespace marquet::python
