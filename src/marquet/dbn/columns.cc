#include "marquet/dbn/columns.h"

#include <cstring>
#include <limits>
#include <mutex>

#include "arrow/api.h"
#include "arrow/util/bit_util.h"
#include "fmt/format.h"
#include "marquet/base/text.h"
#include "marquet/dbn/levels_internal.h"
#include "marquet/dbn/load_internal.h"
#include "marquet/dbn/text_field.h"

namespace marquet::dbn {
namespace {

// The hot loops. One field of every record of a chunk; true when some value equals the sentinel.
template <typename WireT, typename OutT>
bool Gather(const Chunk& chunk, int offset, OutT* out, WireT sentinel) {
  const uint8_t* const* record = chunk.records.data();
  bool found = false;
  for (size_t i = 0; i < chunk.size; ++i) {
    const WireT value = Load<WireT>(record[i] + offset);
    out[i] = static_cast<OutT>(value);
    found |= value == sentinel;
  }
  return found;
}
template <typename WireT, typename OutT>
void Gather(const Chunk& chunk, int offset, OutT* out) {
  const uint8_t* const* record = chunk.records.data();
  for (size_t i = 0; i < chunk.size; ++i) out[i] = static_cast<OutT>(Load<WireT>(record[i] + offset));
}

int OutBytes(Wire widest) {
  switch (widest) {
    case Wire::kI8:
    case Wire::kChar:
      return 1;
    case Wire::kU8:
    case Wire::kI16:
      return 2;
    case Wire::kU16:
    case Wire::kI32:
      return 4;
    default:
      return 8;
  }
}

// Offsets 0, 1, 2 ... of one-character strings are the same in every batch.
arrow::Result<std::shared_ptr<arrow::Buffer>> CharOffsets(int64_t rows) {
  static std::mutex mutex;
  static std::shared_ptr<arrow::Buffer> offsets;
  std::lock_guard lock(mutex);
  if (!offsets || offsets->size() < (rows + 1) * 4) {
    const int64_t count = std::max<int64_t>(rows + 1, 1 << 17) + 1;
    ARROW_ASSIGN_OR_RAISE(auto made, arrow::AllocateBuffer(count * 4));
    auto* out = reinterpret_cast<int32_t*>(made->mutable_data());
    for (int64_t i = 0; i < count; ++i) out[i] = static_cast<int32_t>(i);
    offsets = std::move(made);
  }
  return offsets;
}

}  // namespace

ColumnSet::ColumnSet(const ColumnSetOptions& options, std::shared_ptr<BufferRecycler> recycler)
    : options_(options),
      recycler_(std::move(recycler)),
      layout_(LayoutOf(options.kind)),
      next_capacity_(options.initial_rows) {
  for (const Column& column : layout_.columns) {
    Bound bound{&column, column.in(options_.version), {}, nullptr, false};
    if (bound.place.wire == Wire::kText && bound.place.offset >= 0) {
      bound.texts = std::make_unique<arrow::StringBuilder>();
    } else if (bound.place.offset >= 0) {
      bound.fixed.width = OutBytes(column.widest());
      fixed_row_bytes_ += bound.fixed.width;
    }
    const auto index = static_cast<size_t>(&column - layout_.columns.data());
    bound.opens_level =
        index + kLevelFields <= layout_.columns.size() && OpensLevel(&column, options_.version);
    bounds_.push_back(std::move(bound));
  }
  for (Bound& bound : bounds_) {
    if (bound.texts) text_bounds_.push_back(&bound);
  }
  ts_out_.width = ts_.width = source_row_.width = 8;
  date_.width = symbol_.width = 4;
  fixed_row_bytes_ += 32;
  if (layout_.has_reserved()) reserved_ = std::make_unique<arrow::BinaryBuilder>();
}

arrow::Status ColumnSet::Grow(Fixed& fixed, int64_t rows) {
  ARROW_ASSIGN_OR_RAISE(auto larger, recycler_->Take(rows * fixed.width));
  if (rows_ > 0) std::memcpy(larger->mutable_data(), fixed.values->data(), rows_ * fixed.width);
  fixed.values = std::move(larger);
  if (fixed.validity) {
    ARROW_ASSIGN_OR_RAISE(auto bits, recycler_->Take(arrow::bit_util::BytesForBits(rows)));
    std::memset(bits->mutable_data(), 0xFF, bits->size());
    std::memcpy(bits->mutable_data(), fixed.validity->data(), arrow::bit_util::BytesForBits(rows_));
    fixed.validity = std::move(bits);
  }
  return arrow::Status::OK();
}

arrow::Status ColumnSet::Reserve(int64_t rows) {
  if (rows <= capacity_) return arrow::Status::OK();
  int64_t capacity = std::max(next_capacity_, capacity_);
  while (capacity < rows) capacity *= 4;  // few steps: each touches fresh memory
  capacity = std::max(std::min(capacity, options_.most_rows), rows);
  for (Bound& bound : bounds_) {
    if (bound.fixed.width > 0) ARROW_RETURN_NOT_OK(Grow(bound.fixed, capacity));
  }
  for (Fixed* fixed : {&ts_out_, &ts_, &date_, &symbol_, &source_row_})
    ARROW_RETURN_NOT_OK(Grow(*fixed, capacity));
  capacity_ = next_capacity_ = capacity;
  return arrow::Status::OK();
}

arrow::Status ColumnSet::MarkNull(Fixed& fixed, int64_t row) {
  if (!fixed.validity) {
    ARROW_ASSIGN_OR_RAISE(fixed.validity, recycler_->Take(arrow::bit_util::BytesForBits(capacity_)));
    std::memset(fixed.validity->mutable_data(), 0xFF, fixed.validity->size());
  }
  arrow::bit_util::ClearBit(fixed.validity->mutable_data(), row);
  ++fixed.nulls;
  return arrow::Status::OK();
}

arrow::Result<std::optional<ColumnSet::Misfit>> ColumnSet::Append(const Chunk& chunk) {
  ARROW_RETURN_NOT_OK(Reserve(rows_ + static_cast<int64_t>(chunk.size)));
  if (reserved_) keep_whole_.assign(chunk.size, false);
  std::optional<Misfit> misfit;
  for (size_t i = 0; i < bounds_.size(); ++i) {
    Bound& bound = bounds_[i];
    if (bound.place.offset < 0) continue;
    if (bound.opens_level) {
      ARROW_RETURN_NOT_OK(AppendLevel(chunk, &bound));
      i += kLevelFields - 1;
    } else if (bound.texts) {
      ARROW_RETURN_NOT_OK(AppendTexts(chunk, bound));
    } else if (bound.column->role == Role::kTime) {
      ARROW_RETURN_NOT_OK(AppendTimes(chunk, bound.column->name, bound.place.offset, bound.fixed, misfit));
    } else {
      ARROW_RETURN_NOT_OK(AppendNumbers(chunk, bound, misfit));
    }
  }
  if (options_.ts_out) {
    const int offset = layout_.sizes[options_.version - 1];
    ARROW_RETURN_NOT_OK(AppendTimes(chunk, kTsOutColumn, offset, ts_out_, misfit));
  }
  if (misfit) return misfit;
  if (reserved_) ARROW_RETURN_NOT_OK(AppendReserved(chunk));
  ARROW_RETURN_NOT_OK(AppendDerived(chunk));
  rows_ += static_cast<int64_t>(chunk.size);
  return misfit;
}

// Nulls the values just appended that equal the sentinel.
template <typename T>
arrow::Status ColumnSet::NullSentinels(Fixed& fixed, T sentinel, size_t records) {
  const auto* values = reinterpret_cast<const T*>(fixed.values->data()) + rows_;
  for (size_t i = 0; i < records; ++i) {
    if (values[i] == sentinel) ARROW_RETURN_NOT_OK(MarkNull(fixed, rows_ + static_cast<int64_t>(i)));
  }
  return arrow::Status::OK();
}

arrow::Status ColumnSet::AppendLevel(const Chunk& chunk, Bound* bounds) {
  std::array<int64_t*, kLevelFields> out;
  for (int i = 0; i < kLevelFields; ++i) {
    out[i] = reinterpret_cast<int64_t*>(bounds[i].fixed.values->mutable_data()) + rows_;
  }
  if (!GatherLevel(chunk, bounds[0].place.offset, out)) return arrow::Status::OK();
  for (int i : {0, 1}) ARROW_RETURN_NOT_OK(NullSentinels<int64_t>(bounds[i].fixed, INT64_MAX, chunk.size));
  for (int i : {2, 3}) ARROW_RETURN_NOT_OK(NullSentinels<int64_t>(bounds[i].fixed, UINT32_MAX, chunk.size));
  return arrow::Status::OK();
}

arrow::Status ColumnSet::AppendNumbers(const Chunk& chunk, Bound& bound, std::optional<Misfit>& misfit) {
  Fixed& fixed = bound.fixed;
  const int offset = bound.place.offset;
  uint8_t* const start = fixed.values->mutable_data() + rows_ * fixed.width;

  // Gathers, and nulls what equals the sentinel, if there is one.
  auto gather = [&]<typename WireT, typename OutT>(WireT, OutT) -> arrow::Status {
    auto* out = reinterpret_cast<OutT*>(start);
    if (bound.column->role == Role::kPlain || bound.column->role == Role::kBits) {
      Gather<WireT, OutT>(chunk, offset, out);
      return arrow::Status::OK();
    }
    constexpr WireT sentinel = std::numeric_limits<WireT>::max();
    if (!Gather<WireT, OutT>(chunk, offset, out, sentinel)) return arrow::Status::OK();
    return NullSentinels<OutT>(fixed, static_cast<OutT>(sentinel), chunk.size);
  };

  switch (bound.place.wire) {
    case Wire::kChar: {
      Gather<uint8_t, uint8_t>(chunk, offset, start);
      bool odd = false;
      for (size_t i = 0; i < chunk.size; ++i) odd |= static_cast<uint8_t>(start[i] - 1) >= 0x7F;
      if (odd) fixed.plain_chars = false;
      return arrow::Status::OK();
    }
    case Wire::kI8:
      return gather(int8_t{}, int8_t{});
    case Wire::kU8:
      return gather(uint8_t{}, int16_t{});
    case Wire::kI16:
      return gather(int16_t{}, int16_t{});
    case Wire::kU16:
      return gather(uint16_t{}, int32_t{});
    case Wire::kI32:
      return fixed.width == 8 ? gather(int32_t{}, int64_t{}) : gather(int32_t{}, int32_t{});
    case Wire::kU32:
      return gather(uint32_t{}, int64_t{});
    case Wire::kI64:
      return gather(int64_t{}, int64_t{});
    case Wire::kU64: {
      ARROW_RETURN_NOT_OK(gather(uint64_t{}, int64_t{}));
      if (bound.column->role == Role::kBits) return arrow::Status::OK();
      const auto* out = reinterpret_cast<const int64_t*>(start);
      for (size_t i = 0; i < chunk.size; ++i) {
        if (out[i] < 0 && (!misfit || i < misfit->record)) {
          misfit = Misfit{i, fmt::format("{} is {}; at most {} fits the column", bound.column->name,
                                         static_cast<uint64_t>(out[i]), std::numeric_limits<int64_t>::max())};
        }
      }
      return arrow::Status::OK();
    }
    case Wire::kText:
      break;
  }
  return arrow::Status::OK();
}

arrow::Status ColumnSet::AppendTimes(const Chunk& chunk, const char* name, int offset, Fixed& fixed,
                                     std::optional<Misfit>& misfit) {
  auto* out = reinterpret_cast<int64_t*>(fixed.values->mutable_data()) + rows_;
  Gather<uint64_t, int64_t>(chunk, offset, out);
  int64_t any = 0;
  for (size_t i = 0; i < chunk.size; ++i) any |= out[i];
  if (any >= 0) return arrow::Status::OK();
  for (size_t i = 0; i < chunk.size; ++i) {
    if (out[i] >= 0) continue;
    if (out[i] != -1) {  // all bits set is the undefined time
      if (options_.on_time_overflow == OnTimeOverflow::kError) {
        if (!misfit || i < misfit->record) {
          misfit =
              Misfit{i, fmt::format("{} is {} ns since 1970; at most {} (2262-04-11) fits the column", name,
                                    static_cast<uint64_t>(out[i]), std::numeric_limits<int64_t>::max())};
        }
        continue;
      }
      ++nulled_times_;
    }
    ARROW_RETURN_NOT_OK(MarkNull(fixed, rows_ + static_cast<int64_t>(i)));
  }
  return arrow::Status::OK();
}

arrow::Status ColumnSet::AppendTexts(const Chunk& chunk, Bound& bound) {
  for (size_t i = 0; i < chunk.size; ++i) {
    const DecodedText decoded =
        DecodeText({reinterpret_cast<const char*>(chunk.records[i] + bound.place.offset), bound.place.size});
    if (!decoded.plain) keep_whole_[i] = true;
    ARROW_RETURN_NOT_OK(bound.texts->Append(decoded.text));
  }
  return arrow::Status::OK();
}

arrow::Status ColumnSet::AppendReserved(const Chunk& chunk) {
  const auto& ranges = layout_.reserved[options_.version - 1];
  for (size_t i = 0; i < chunk.size; ++i) {
    const auto* record = reinterpret_cast<const char*>(chunk.records[i]);
    if (keep_whole_[i]) {
      ARROW_RETURN_NOT_OK(reserved_->Append(record, layout_.sizes[options_.version - 1]));
      continue;
    }
    reserved_scratch_.clear();
    for (const ByteRange& range : ranges) reserved_scratch_.append(record + range.offset, range.size);
    if (reserved_scratch_.find_first_not_of('\0') == std::string::npos) {
      ARROW_RETURN_NOT_OK(reserved_->AppendNull());
    } else {
      ARROW_RETURN_NOT_OK(reserved_->Append(reserved_scratch_));
    }
  }
  return arrow::Status::OK();
}

arrow::Status ColumnSet::AppendDerived(const Chunk& chunk) {
  auto copy = [&](const auto& from, Fixed& to) {
    std::memcpy(to.values->mutable_data() + rows_ * to.width, from.data(), chunk.size * to.width);
  };
  copy(chunk.ts, ts_);
  copy(chunk.date, date_);
  copy(chunk.symbol, symbol_);
  copy(chunk.source_row, source_row_);
  for (size_t i = 0; i < chunk.size; ++i) {
    if (chunk.ts[i] == Chunk::kNoTime) {
      ARROW_RETURN_NOT_OK(MarkNull(ts_, rows_ + static_cast<int64_t>(i)));
      ARROW_RETURN_NOT_OK(MarkNull(date_, rows_ + static_cast<int64_t>(i)));
    }
    if (chunk.symbol[i] == SymbolIndex::kUnmapped) {
      ARROW_RETURN_NOT_OK(MarkNull(symbol_, rows_ + static_cast<int64_t>(i)));
    }
  }
  return arrow::Status::OK();
}

int64_t ColumnSet::bytes() const {
  int64_t bytes = rows_ * fixed_row_bytes_;
  for (const Bound* bound : text_bounds_) bytes += bound->texts->value_data_length() + 4 * rows_;
  if (reserved_) bytes += reserved_->value_data_length() + 4 * rows_;
  return bytes;
}

std::shared_ptr<arrow::ArrayData> ColumnSet::FinishFixed(Fixed& fixed,
                                                         const std::shared_ptr<arrow::DataType>& type) {
  return arrow::ArrayData::Make(type, rows_, {std::move(fixed.validity), std::move(fixed.values)},
                                fixed.nulls);
}

arrow::Result<std::shared_ptr<arrow::ArrayData>> ColumnSet::FinishChars(Fixed& fixed) {
  if (fixed.plain_chars) {
    ARROW_ASSIGN_OR_RAISE(auto offsets, CharOffsets(rows_));
    return arrow::ArrayData::Make(arrow::utf8(), rows_,
                                  {nullptr, std::move(offsets), std::move(fixed.values)}, 0);
  }
  arrow::StringBuilder builder;
  for (int64_t i = 0; i < rows_; ++i)
    ARROW_RETURN_NOT_OK(builder.Append(DecodeChar(fixed.values->data()[i])));
  ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
  return array->data();
}

arrow::Result<std::shared_ptr<arrow::ArrayData>> ColumnSet::FinishSymbols(const SymbolIndex& symbols) {
  const auto* numbers = reinterpret_cast<const int32_t*>(symbol_.values->data());
  int64_t bytes = 0;
  for (int64_t i = 0; i < rows_; ++i) {
    if (numbers[i] >= 0) bytes += static_cast<int64_t>(symbols.symbol(numbers[i]).size());
  }
  if (bytes > std::numeric_limits<int32_t>::max())
    return arrow::Status::CapacityError("symbols of a batch exceed 2 GiB");
  ARROW_ASSIGN_OR_RAISE(auto offsets, recycler_->Take((rows_ + 1) * 4));
  ARROW_ASSIGN_OR_RAISE(auto text, recycler_->Take(bytes));
  auto* offset = reinterpret_cast<int32_t*>(offsets->mutable_data());
  uint8_t* out = text->mutable_data();
  int32_t at = 0;
  for (int64_t i = 0; i < rows_; ++i) {
    offset[i] = at;
    if (numbers[i] < 0) continue;
    const std::string& symbol = symbols.symbol(numbers[i]);
    std::memcpy(out + at, symbol.data(), symbol.size());
    at += static_cast<int32_t>(symbol.size());
  }
  offset[rows_] = at;
  return arrow::ArrayData::Make(arrow::utf8(), rows_,
                                {std::move(symbol_.validity), std::move(offsets), std::move(text)},
                                symbol_.nulls);
}

arrow::Result<std::shared_ptr<arrow::ArrayData>> ColumnSet::FinishBound(
    Bound& bound, const std::shared_ptr<arrow::DataType>& type) {
  if (bound.place.offset < 0) {
    ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(type, rows_));
    return nulls->data();
  }
  if (bound.texts) {
    ARROW_ASSIGN_OR_RAISE(auto array, bound.texts->Finish());
    return array->data();
  }
  if (bound.place.wire == Wire::kChar) return FinishChars(bound.fixed);
  return FinishFixed(bound.fixed, type);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ColumnSet::Finish(const SymbolIndex& symbols) {
  auto schema = TableSchema(options_.kind, options_.ts_out);
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (Bound& bound : bounds_) {
    ARROW_ASSIGN_OR_RAISE(auto data,
                          FinishBound(bound, schema->field(static_cast<int>(columns.size()))->type()));
    columns.push_back(std::move(data));
  }
  if (options_.ts_out) columns.push_back(FinishFixed(ts_out_, arrow::int64()));
  if (reserved_) {
    ARROW_ASSIGN_OR_RAISE(auto array, reserved_->Finish());
    columns.push_back(array->data());
  }
  ARROW_ASSIGN_OR_RAISE(auto names, FinishSymbols(symbols));
  columns.push_back(std::move(names));
  columns.push_back(FinishFixed(ts_, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
  columns.push_back(FinishFixed(date_, arrow::date32()));
  columns.push_back(FinishFixed(source_row_, arrow::int64()));
  auto batch = arrow::RecordBatch::Make(std::move(schema), rows_, std::move(columns));
  StartOver();
  return batch;
}

void ColumnSet::StartOver() {
  auto clear = [](Fixed& fixed) {
    const int width = fixed.width;
    fixed = {};
    fixed.width = width;
  };
  for (Bound& bound : bounds_) clear(bound.fixed);
  for (Fixed* fixed : {&ts_out_, &ts_, &date_, &symbol_, &source_row_}) clear(*fixed);
  rows_ = 0;
  capacity_ = 0;
}

}  // namespace marquet::dbn
