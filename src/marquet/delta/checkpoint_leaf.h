// One leaf of a checkpoint, walked value by value.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "parquet/column_reader.h"

namespace marquet::delta {

// Where levels and values of one leaf at a time lie; kept from leaf to leaf.
struct LeafBatch {
  static constexpr int64_t kLevels = 1024;
  std::array<int16_t, kLevels> definition;
  std::array<int16_t, kLevels> repetition;
  union {
    std::array<::parquet::ByteArray, kLevels> texts;
    std::array<int64_t, kLevels> longs;
    std::array<int32_t, kLevels> ints;
    std::array<bool, kLevels> flags;
  };
  LeafBatch() {}  // filled before it is read
};

// A leaf that the checkpoint lacks, or of a physical type that is neither text, integer nor boolean, has no
// values. Views into texts hold until the next step. Damage is thrown, as by Arrow's reader.
class CheckpointLeaf {
 public:
  CheckpointLeaf() = default;
  CheckpointLeaf(std::shared_ptr<::parquet::ColumnReader> reader, LeafBatch* batch);

  // Goes on to the next value that is there, passing over nulls.
  bool NextValue() {
    while (true) {
      // Most leaves are null in most rows: these are passed over in a loop of their own.
      if (!repeated_ && most_ > 0) {
        int64_t next = at_ + 1;
        while (next < levels_ && batch_->definition[static_cast<size_t>(next)] != most_) ++next;
        row_ += next - 1 - at_;
        at_ = next - 1;
      }
      if (!NextEntry()) return false;
      if (present()) return true;
    }
  }

  // Goes on to the next value or null.
  bool NextEntry() {
    if (at_ + 1 == levels_ && !Fill()) return false;
    ++at_;
    const bool begins = !repeated_ || batch_->repetition[static_cast<size_t>(at_)] == 0;
    row_ += begins ? 1 : 0;
    value_ += present() ? 1 : 0;
    return true;
  }

  int64_t row() const { return row_; }  // within the row group
  int16_t definition() const {
    return most_ == 0 ? int16_t{0} : batch_->definition[static_cast<size_t>(at_)];
  }
  bool present() const { return definition() == most_; }

  // Of a value that is there; empty, 0 or false of one of another type.
  std::string_view text() const;
  int64_t number() const;
  bool flag() const;

  bool is_text() const { return type_ == ::parquet::Type::BYTE_ARRAY; }
  bool is_number() const { return type_ == ::parquet::Type::INT64 || type_ == ::parquet::Type::INT32; }
  bool is_flag() const { return type_ == ::parquet::Type::BOOLEAN; }

 private:
  bool Fill();

  std::shared_ptr<::parquet::ColumnReader> reader_;  // null at the end
  LeafBatch* batch_ = nullptr;
  ::parquet::Type::type type_ = ::parquet::Type::UNDEFINED;
  int16_t most_ = 0;  // definition level of a value
  bool repeated_ = false;
  int64_t levels_ = 0;  // in the batch
  int64_t at_ = -1;
  int64_t value_ = -1;
  int64_t row_ = -1;
};

}  // namespace marquet::delta
