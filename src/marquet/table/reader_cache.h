// Opened data files, kept for the next scan: data files never change, so a footer read once stays true.
//
// Bounded by number; the least recently used one goes first. Thread safe.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "arrow/result.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/decode/reader.h"

namespace marquet::table {

class ReaderCache {
 public:
  explicit ReaderCache(std::shared_ptr<file::FileSystem> fs, size_t capacity = 128)
      : fs_(std::move(fs)), capacity_(capacity) {}

  // The reader of a file whose length is known, or -1.
  arrow::Result<std::shared_ptr<pq::FileReader>> Open(const std::string& path, int64_t size);

 private:
  using Entry = std::pair<std::string, std::shared_ptr<pq::FileReader>>;

  const std::shared_ptr<file::FileSystem> fs_;
  const size_t capacity_;
  std::mutex mutex_;
  std::list<Entry> recent_;                                                   // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_path_;  // views into recent_
};

}  // namespace marquet::table
