#include "marquet/parquet/decode/int96_column_internal.h"

#include "arrow/array.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kNanosPerMicro = 1'000;

// Neither cut to microseconds nor out of the range of nanoseconds, by what was asked for.
bool IsExact(int64_t micros, int64_t nanos, arrow::TimeUnit::type unit) {
  int64_t whole = 0;
  const bool overflows = __builtin_mul_overflow(micros, kNanosPerMicro, &whole);  // the low bits are kept
  if (unit == arrow::TimeUnit::MICRO) return whole == nanos;
  return !overflows && nanos >= whole && nanos - whole < kNanosPerMicro;
}

// Two arrays that differ by the units of INT96 times.
bool AreExact(const arrow::ArrayData& micros, const arrow::ArrayData& nanos, arrow::TimeUnit::type unit) {
  if (micros.type->id() == arrow::Type::TIMESTAMP && !micros.type->Equals(*nanos.type)) {
    const auto* const us = micros.GetValues<int64_t>(1);
    const auto* const ns = nanos.GetValues<int64_t>(1);
    for (int64_t i = 0; i < micros.length; ++i) {
      if (micros.IsValid(i) && !IsExact(us[i], ns[i], unit)) return false;
    }
  }
  for (size_t i = 0; i < micros.child_data.size(); ++i) {
    if (!AreExact(*micros.child_data[i], *nanos.child_data[i], unit)) return false;
  }
  return true;
}

class Int96Column final : public ColumnStream {
 public:
  Int96Column(std::unique_ptr<ColumnStream> micros, std::unique_ptr<ColumnStream> nanos,
              arrow::TimeUnit::type unit, std::atomic<bool>* inexact)
      : micros_(std::move(micros)), nanos_(std::move(nanos)), unit_(unit), inexact_(inexact) {}

  arrow::Result<std::shared_ptr<arrow::Array>> Decode(const Piece& piece) override {
    ARROW_ASSIGN_OR_RAISE(auto micros, micros_->Decode(piece));
    ARROW_ASSIGN_OR_RAISE(auto nanos, nanos_->Decode(piece));
    const bool exact = AreExact(*micros->data(), *nanos->data(), unit_);
    if (unit_ == arrow::TimeUnit::MICRO) {
      if (!exact && inexact_ == nullptr) {
        return arrow::Status::NotImplemented("INT96 times between two microseconds");
      }
      if (!exact) *inexact_ = true;
      return micros;
    }
    if (exact) return nanos;
    return arrow::Status::NotImplemented(
        "INT96 times between two microseconds in the file, and here some before 1677 or after 2262, which "
        "nanoseconds cannot hold");
  }

 private:
  const std::unique_ptr<ColumnStream> micros_, nanos_;
  const arrow::TimeUnit::type unit_;
  std::atomic<bool>* const inexact_;
};

}  // namespace

bool HasInt96(const ::parquet::SchemaDescriptor& schema, int first_leaf, int end_leaf) {
  for (int leaf = first_leaf; leaf < end_leaf; ++leaf) {
    if (schema.Column(leaf)->physical_type() == ::parquet::Type::INT96) return true;
  }
  return false;
}

std::unique_ptr<ColumnStream> MakeExactColumn(const std::shared_ptr<const ReadSource>& source, int first_leaf,
                                              int end_leaf, const std::shared_ptr<arrow::Field>& field,
                                              std::atomic<bool>* inexact) {
  if (!HasInt96(*source->footer->schema(), first_leaf, end_leaf)) {
    return MakeColumn(source, first_leaf, end_leaf, field);
  }
  const auto in = [&](arrow::TimeUnit::type unit) {
    ReadSource same = *source;
    same.int96_unit = unit;
    return MakeColumn(std::make_shared<const ReadSource>(std::move(same)), first_leaf, end_leaf, field);
  };
  return std::make_unique<Int96Column>(in(arrow::TimeUnit::MICRO), in(arrow::TimeUnit::NANO),
                                       source->int96_unit, inexact);
}

}  // namespace marquet::pq
