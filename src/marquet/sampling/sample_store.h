// The bins behind a table of depth samples, held in memory: whatever order samples are asked for in, a tensor
// costs its drawing only.
//
// A bin takes some 330 bytes with one feature, in place of its hundred rows' 48,000. Only the bins that
// samples need are computed, in one pass over the book's rows. Immutable once loaded, thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/depth/bin.h"
#include "marquet/depth/render.h"
#include "marquet/depth/tensor.h"
#include "marquet/file/file_system.h"

namespace marquet::sampling {

struct StoreOptions {
  std::string samples;                // a table that build_samples wrote
  std::string book;                   // the table that it was made of
  std::vector<std::string> features;  // empty: those that the samples were made with
  std::vector<std::string> symbols;   // empty: all
  bool unlabelled = false;            // also samples without a label (label -1)
  int64_t memory = int64_t{2} << 30;  // bound on the bins and on what decoding them takes
  ProgressCallback progress;
  const StopFlag* stop = nullptr;
};

class SampleStore {
 public:
  // What can be said before anything is read: that both tables are there, and hold the symbols and features
  // asked for. Load() finds the same.
  static arrow::Status Check(std::shared_ptr<file::FileSystem> fs, const StoreOptions& options);

  // Errors: kNotFound (a table, a symbol), kSchema (not a samples table), kInvalidInput (samples of different
  // shapes, or with rows between their first and last that came into the book since, or more bins than
  // `memory` holds; the message says how much they need), kCorruptData (rows that a sample names are not in
  // the book).
  static arrow::Result<std::shared_ptr<const SampleStore>> Load(std::shared_ptr<file::FileSystem> fs,
                                                                StoreOptions options);

  int64_t size() const { return static_cast<int64_t>(samples_.size()); }
  const depth::TensorSpec& spec() const { return spec_; }  // its micro_pip is that of the first symbol
  int64_t bins() const { return static_cast<int64_t>(bins_.size()); }
  int64_t bytes() const;

  // Samples are numbered by symbol, then by the end of their window.
  int64_t label(int64_t sample) const { return samples_[sample].label; }
  const std::string& symbol(int64_t sample) const { return symbols_[samples_[sample].symbol]; }
  const std::string& id(int64_t sample) const { return ids_[sample]; }

  // The tensor of one sample: spec().cells() values. `renderer` belongs to the calling thread.
  void Draw(int64_t sample, depth::Renderer& renderer, float* out) const;

 private:
  struct Sample {
    int64_t first_bin = 0;  // in bins_; its window's bins follow each other
    int64_t lowest = 0;     // price of the lowest row
    int32_t label = -1;
    uint32_t symbol = 0;
  };
  friend class StoreLoader;

  depth::TensorSpec spec_;
  std::vector<Sample> samples_;
  std::vector<std::string> ids_;
  std::vector<std::string> symbols_;
  std::vector<depth::Bin> bins_;
  std::vector<double> values_;
};

}  // namespace marquet::sampling
