// Names of output files: "${rank}_chunk_${chunk_index}.parquet".
//
// `${key}` and `$key` stand for values that each row brings along, `$$` for a dollar sign, as in Python's
// string.Template. What comes out is a path within the output folder, which no value can lead out of.
//
// Immutable and thread safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace marquet::output {

using TemplateValues = std::map<std::string, std::string, std::less<>>;

inline constexpr std::string_view kRankKey = "rank";
inline constexpr std::string_view kChunkKey = "chunk_index";

class OutputTemplate {
 public:
  // kInvalidInput for a text that is no template, does not end in ".parquet", or leads out of its folder.
  static arrow::Result<OutputTemplate> Parse(std::string text);

  const std::string& text() const { return text_; }
  bool Has(std::string_view key) const;

  // The name for some values. kInvalidInput, naming the key, for one that is not there and for a name that
  // would leave the folder, be hidden, or hold a NUL.
  arrow::Result<std::string> Fill(const TemplateValues& values) const;

  // The template with the values put in that are known, the others as "{key}": what is the same for all of a
  // writer's files.
  std::string Partly(const TemplateValues& known) const;

  // Whether a path within the folder can be a name that Fill gives with the known values and any others, or
  // a part of it (PartName).
  bool Matches(std::string_view path, const TemplateValues& known) const;

 private:
  struct Piece {
    bool is_key = false;
    std::string text;
  };
  OutputTemplate() = default;

  std::string text_;
  std::vector<Piece> pieces_;
};

// "dir/002_name.parquet" of "dir/name.parquet" and 2: at least three digits.
std::string PartName(std::string_view name, int part);

// A rank as names show it: "00007".
std::string RankText(int rank);

}  // namespace marquet::output
