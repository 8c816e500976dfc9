#include "marquet/jobs/samples/sample_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "marquet/base/time.h"

namespace marquet::jobs {
namespace {

std::shared_ptr<arrow::Field> Nanos(const char* name) {
  return arrow::field(name, arrow::int64(), false, arrow::key_value_metadata({"unit"}, {"ns"}));
}

std::optional<double> Mid(const RowIdentity& row) {
  if (!row.doubled_mid) return std::nullopt;
  return static_cast<double>(*row.doubled_mid) / 2e9;
}

}  // namespace

// Sums run side by side in lanes, which the compiler makes vectors of; a single one would wait for its own
// last addition.
CellStatistics DescribeCells(const float* cells, int64_t n) {
  constexpr int kLanes = 8;
  const int64_t whole = n - n % kLanes;
  double sums[kLanes] = {};
  float least[kLanes], largest[kLanes];
  std::fill_n(least, kLanes, cells[0]);
  std::fill_n(largest, kLanes, cells[0]);
  const auto each = [&](auto visit) {
    for (int64_t i = 0; i < whole; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) visit(lane, cells[i + lane]);
    }
    for (int64_t i = whole; i < n; ++i) visit(static_cast<int>(i - whole), cells[i]);
  };
  each([&](int lane, float cell) {
    sums[lane] += cell;
    least[lane] = cell < least[lane] ? cell : least[lane];
    largest[lane] = cell > largest[lane] ? cell : largest[lane];
  });
  const double mean = std::accumulate(sums, sums + kLanes, 0.0) / static_cast<double>(n);
  double squares[kLanes] = {};
  each([&](int lane, float cell) {
    const double distance = cell - mean;
    squares[lane] += distance * distance;
  });
  const double spread = std::accumulate(squares, squares + kLanes, 0.0);
  return {mean, std::sqrt(spread / static_cast<double>(n)), *std::min_element(least, least + kLanes),
          *std::max_element(largest, largest + kLanes)};
}

std::shared_ptr<arrow::Schema> SampleSchema(unsigned features) {
  const auto text = arrow::utf8();
  const auto number = arrow::float64();
  arrow::FieldVector fields = {
      arrow::field("symbol", text, false),
      arrow::field("sample_id", text, false),
      arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), false),
      Nanos("start_ts_event"),
      Nanos("end_ts_event"),
      arrow::field("first_source", text, false),
      arrow::field("first_source_row", arrow::int64(), false),
      arrow::field("last_source", text, false),
      arrow::field("last_source_row", arrow::int64(), false),
      arrow::field("start_mid", number),
      arrow::field("end_mid", number),
      arrow::field("price_movement", number),
      arrow::field("move", number),
      arrow::field("label", arrow::int32()),
      arrow::field("features", text, false),
      arrow::field("feature_shape", text, false),
      arrow::field("time_bins", arrow::int32(), false),
      arrow::field("ticks_per_bin", arrow::int32(), false),
      arrow::field("micro_pip", arrow::int64(), false, arrow::key_value_metadata({"unit"}, {"1e-9"})),
      arrow::field("book_version", arrow::int64(), false),
      arrow::field("row_filter", text, false),
      arrow::field("hop", arrow::int64(), false),
      arrow::field("labels", text, false),
      arrow::field("labels_digest", text, false),
  };
  const auto names = depth::FeatureNames(features);
  for (const std::string& name : names) {
    const std::string suffix = names.size() == 1 ? std::string() : "_" + name;
    for (const char* what : {"mean", "std", "min", "max"}) {
      fields.push_back(arrow::field("feature_" + std::string(what) + suffix, number, false));
    }
  }
  return arrow::schema(std::move(fields));
}

SampleRows::SampleRows(std::string symbol, const depth::TensorSpec& spec, SampleSettings settings,
                       int64_t book_version)
    : symbol_(std::move(symbol)), spec_(spec), settings_(std::move(settings)), book_version_(book_version) {}

// Records of one event may share time and sequence; a small hop can end two windows among them.
std::string SampleRows::NextId(const RowIdentity& last) {
  std::string id = fmt::format("{}-{}-{}", symbol_, last.ts_event, last.sequence);
  repeats_ = id == last_id_ ? repeats_ + 1 : 0;
  last_id_ = id;
  if (repeats_ > 0) id += fmt::format("-{}", repeats_);
  return id;
}

arrow::Status SampleRows::Append(const SampleRow& row, const float* tensor) {
  if (!builder_) {
    ARROW_ASSIGN_OR_RAISE(builder_, arrow::RecordBatchBuilder::Make(SampleSchema(spec_.features),
                                                                    arrow::default_memory_pool()));
  }
  int field = 0;
  arrow::Status status;
  const auto text = [&](const std::string& value) {
    status &= builder_->GetFieldAs<arrow::StringBuilder>(field++)->Append(value);
  };
  const auto number = [&](int64_t value) {
    status &= builder_->GetFieldAs<arrow::Int64Builder>(field++)->Append(value);
  };
  const auto small = [&](std::optional<int32_t> value) {
    auto* column = builder_->GetFieldAs<arrow::Int32Builder>(field++);
    status &= value ? column->Append(*value) : column->AppendNull();
  };
  const auto real = [&](std::optional<double> value) {
    auto* column = builder_->GetFieldAs<arrow::DoubleBuilder>(field++);
    status &= value ? column->Append(*value) : column->AppendNull();
  };

  const auto names = depth::FeatureNames(spec_.features);
  std::string shape = fmt::format("{}x{}", depth::kPriceRows, spec_.time_bins);
  if (names.size() > 1) shape = fmt::format("{}x{}", names.size(), shape);
  text(symbol_);
  text(NextId(row.last));
  status &=
      builder_->GetFieldAs<arrow::TimestampBuilder>(field++)->Append(FloorDiv(row.last.ts_event, 1'000));
  number(row.first.ts_event);
  number(row.last.ts_event);
  text(row.first.source);
  number(row.first.source_row);
  text(row.last.source);
  number(row.last.source_row);
  real(Mid(row.first));
  real(Mid(row.last));
  std::optional<double> movement;
  if (row.first.doubled_mid && row.last.doubled_mid) {
    movement = static_cast<double>(*row.last.doubled_mid - *row.first.doubled_mid) / 2e9;
  }
  real(movement);
  real(row.move);
  small(row.label);
  text(settings_.features);
  text(shape);
  small(spec_.time_bins);
  small(spec_.ticks_per_bin);
  number(spec_.micro_pip);
  number(book_version_);
  text(settings_.row_filter);
  number(settings_.hop);
  text(settings_.labels_name);
  text(settings_.labels_digest);
  const int64_t cells = int64_t{depth::kPriceRows} * spec_.time_bins;
  for (size_t f = 0; f < names.size(); ++f) {
    const CellStatistics statistics = DescribeCells(tensor + f * cells, cells);
    for (const double value : {statistics.mean, statistics.deviation, statistics.least, statistics.largest}) {
      real(value);
    }
  }
  ++size_;
  return status;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> SampleRows::Finish() {
  size_ = 0;
  return builder_->Flush();
}

}  // namespace marquet::jobs
