#include <cstring>
#include <string_view>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "marquet/base/error.h"
#include "marquet/parquet/format/footer_candidates_internal.h"
#include "marquet/parquet/format/footer_inside_internal.h"

namespace marquet::pq {
namespace {

constexpr int64_t kSearched = int64_t{64} << 20;
constexpr int64_t kWindow = int64_t{1} << 20;

}  // namespace

arrow::Result<FooterInside> FindFooterInside(arrow::io::RandomAccessFile& file, const std::string& path,
                                             int64_t size, const StopFlag* stop) {
  FooterCandidates candidates(file, size, stop);
  const int64_t lowest = std::max(size - kSearched, kMagicBytes);
  // Windows overlap by a tail, so that none is cut in two.
  for (int64_t end = size; end - lowest >= kTailBytes;) {
    const int64_t begin = std::max(lowest, end - kWindow);
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    ARROW_ASSIGN_OR_RAISE(const auto bytes, file.ReadAt(begin, end - begin));
    const std::string_view window(*bytes);
    for (size_t at = window.rfind(kMagic); at != std::string_view::npos && at >= sizeof(uint32_t);
         at = window.rfind(kMagic, at - 1)) {
      uint32_t length = 0;
      std::memcpy(&length, window.data() + at - sizeof length, sizeof length);
      const int64_t whole = begin + static_cast<int64_t>(at + kMagic.size());
      if (whole == size || length == 0 || length > whole - kTailBytes - kMagicBytes) continue;
      ARROW_ASSIGN_OR_RAISE(const bool worth,
                            candidates.IsWorthReading(whole - kTailBytes - int64_t{length}, length));
      if (candidates.gave_up()) return FooterInside{std::nullopt, true};
      if (!worth) continue;
      auto footer = ReadFooter(file, path, whole);
      if (footer.ok()) return FooterInside{*std::move(footer), false};
      if (IsKind(footer.status(), ErrorKind::kUnsupported)) return FooterInside{};
      if (!IsKind(footer.status(), ErrorKind::kCorruptData)) return footer.status();
    }
    if (begin == lowest) break;
    end = begin + kTailBytes - 1;
  }
  return FooterInside{};
}

}  // namespace marquet::pq
