// Tells which records of a stream are selected, before any of their fields becomes a column.
//
// Not installed. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "marquet/dbn/batch_builder.h"
#include "marquet/dbn/layout.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/selection.h"
#include "marquet/dbn/symbols.h"

namespace marquet::dbn {

class RecordFilter {
 public:
  // Of ReadOptions::selection and ::held. `symbols` outlives the filter; symbols may be added to it.
  RecordFilter(const ReadOptions& options, const SymbolIndex& symbols);

  // Whether a record becomes a row. Counts it.
  bool Takes(const uint8_t* record, const RecordFormat& format);

  const SelectionCounts& counts() const { return counts_; }

 private:
  // Whether a symbol, by its number, is one of a selection's.
  bool HasSymbol(size_t selection, int32_t symbol);

  const SymbolIndex& symbols_;
  std::vector<Selection> selections_;                     // what is asked for, then what is held of each kind
  std::array<std::pair<size_t, size_t>, kKinds> held_{};  // of each kind, from and to
  enum class Known : uint8_t { kNotYet, kNo, kYes };
  std::vector<std::vector<Known>> has_symbol_;  // by selection and symbol
  SelectionCounts counts_;
};

}  // namespace marquet::dbn
