// Which micro-pip a symbol's samples are made with, and whether it fits the symbol. Internal to the room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "arrow/result.h"
#include "marquet/file/file_system.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

class MicroPips {
 public:
  // `given`: 0 to look it up. `definitions`: a table of definition records. kNotFound when there is none,
  // kSchema when it holds something else.
  static arrow::Result<MicroPips> Open(const std::shared_ptr<file::FileSystem>& fs, int64_t given,
                                       const std::optional<std::string>& definitions);

  // In units of 1e-9: that given, else that of a currency pair, else the tick size of the definitions.
  // kInvalidInput when it is not known.
  arrow::Result<int64_t> Of(const std::string& symbol) const;

  // What is wrong with a micro-pip that was given, for a symbol of the definitions or of these prices; empty
  // when nothing is.
  arrow::Result<std::string> Warning(const std::string& symbol, std::span<const int64_t> bid,
                                     std::span<const int64_t> ask) const;

 private:
  // Nothing when the definitions do not name the symbol, or when there are none.
  arrow::Result<std::optional<int64_t>> Tick(const std::string& symbol) const;

  int64_t given_ = 0;
  std::shared_ptr<table::Table> definitions_;
};

}  // namespace marquet::jobs
