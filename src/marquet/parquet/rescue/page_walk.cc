#include "marquet/parquet/rescue/page_walk_internal.h"

#include <algorithm>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::pq {
namespace {

constexpr int64_t kReadBytes = int64_t{64} << 10;   // at once
constexpr int64_t kUsualHeader = int64_t{8} << 10;  // and more than most
constexpr int64_t kLongTrailer = int64_t{1} << 20;  // with bounds of long strings
// Statistics may make a header long; Arrow's own reader gives up at the same size.
constexpr int64_t kLongestHeader = int64_t{16} << 20;
// parquet-java pads row groups to the blocks of a distributed file system, by at most this.
constexpr int64_t kMostPadding = int64_t{8} << 20;
// Of pages that may be held at once: they take about a hundred bytes each.
constexpr size_t kMostPages = size_t{1} << 21;

}  // namespace

PageWalk::PageWalk(std::shared_ptr<arrow::io::RandomAccessFile> file, ByteRange range, const StopFlag* stop)
    : file_(std::move(file)), range_(range), stop_(stop), next_(range.begin) {}

arrow::Result<const WalkedPage*> PageWalk::At(int64_t number) {
  while (number >= first_ + static_cast<int64_t>(pages_.size())) {
    if (ended_) return nullptr;
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    ARROW_ASSIGN_OR_RAISE(const bool found, FindPage());
    if (!found) return nullptr;
    ARROW_RETURN_NOT_OK(PassGap());
  }
  return &pages_[static_cast<size_t>(number - first_)];
}

const ChunkTrailer* PageWalk::TrailerBehind(int64_t number) const {
  const auto found = trailers_.find(number);
  return found == trailers_.end() ? nullptr : &found->second;
}

void PageWalk::Forget(int64_t before) {
  for (; first_ < before && !pages_.empty(); ++first_) pages_.pop_front();
  trailers_.erase(trailers_.begin(), trailers_.lower_bound(first_));
}

bool PageWalk::End(std::string reason) {
  ended_ = true;
  end_.offset = next_;
  end_.reason = std::move(reason);
  return false;
}

arrow::Result<bool> PageWalk::FindPage() {
  if (next_ >= range_.end) return End("the bytes end behind a page");
  if (pages_.size() == kMostPages) {
    return End(fmt::format("{} pages were found that could not be told apart by columns", kMostPages));
  }
  ARROW_ASSIGN_OR_RAISE(const auto header, ReadHeader(next_));
  if (!header) return false;
  const WalkedPage page{*header, next_, after_gap_};
  if (page.end() > range_.end) {
    end_.cut = *header;
    return End(fmt::format("the page there takes {} bytes, of which {} are left", WithCommas(page.size()),
                           WithCommas(range_.end - next_)));
  }
  pages_.push_back(page);
  next_ = page.end();
  after_gap_ = false;
  return true;
}

// Goes on to the next page's header, over what may lie before it.
arrow::Status PageWalk::PassGap() {
  const int64_t number = first_ + static_cast<int64_t>(pages_.size()) - 1;
  while (next_ < range_.end) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, Window(next_, kUsualHeader));
    if (ParsePageHeader(bytes).ok()) break;
    if (stop_ != nullptr) ARROW_RETURN_NOT_OK(stop_->Check());
    // Twice as much is read, so that many short ones do not take a read each.
    ARROW_ASSIGN_OR_RAISE(bytes, Window(next_, kLongTrailer, 2 * kLongTrailer));
    int64_t size = 0;
    if (auto trailer = ParseChunkTrailer(bytes); trailer.ok()) {
      size = trailer->size;
      trailers_.emplace(number, *std::move(trailer));
    } else if (const auto filter = ParseBloomFilterSize(bytes); filter.ok()) {
      size = *filter;
    } else {
      ARROW_ASSIGN_OR_RAISE(size, CountZeros(next_));
    }
    if (size == 0 || size > range_.end - next_) break;
    next_ += size;
    after_gap_ = true;
  }
  return arrow::Status::OK();
}

// The header at `offset`, or nothing, with the walk ended.
arrow::Result<std::optional<PageHeader>> PageWalk::ReadHeader(int64_t offset) {
  for (int64_t size = kUsualHeader;; size *= 16) {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, Window(offset, size));
    const auto header = ParsePageHeader(bytes);
    if (header.ok()) return *header;
    const int64_t left = range_.end - offset;
    if (static_cast<int64_t>(bytes.size()) < std::min(left, kLongestHeader))
      continue;  // it may be longer than the window
    const bool zeros = std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
    End(zeros ? fmt::format("{} bytes from there on are zero, as blocks are that were never written",
                            WithCommas(static_cast<int64_t>(bytes.size())))
              : fmt::format("no page begins there: {}", header.status().message()));
    return std::optional<PageHeader>();
  }
}

// How many bytes from `offset` on are zero, when something else comes behind them; none when there are too
// many for a padding.
arrow::Result<int64_t> PageWalk::CountZeros(int64_t offset) {
  for (int64_t zeros = 0; zeros <= kMostPadding;) {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, Window(offset + zeros, kUsualHeader));
    if (bytes.empty()) return 0;
    const auto other = std::find_if(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; });
    zeros += other - bytes.begin();
    if (other != bytes.end()) return zeros;
  }
  return 0;
}

// At least `size` bytes from `offset` on, or what is left of the range; where they are not held, `read` bytes
// are read.
arrow::Result<std::span<const uint8_t>> PageWalk::Window(int64_t offset, int64_t size, int64_t read) {
  const int64_t left = std::max(range_.end - offset, int64_t{0});
  int64_t held = window_ == nullptr || offset < window_begin_ ? 0 : window_begin_ + window_->size() - offset;
  if (held < std::min(size, left)) {
    const int64_t wanted = std::min(std::max({size, read, kReadBytes}), left);
    ARROW_ASSIGN_OR_RAISE(window_, file_->ReadAt(offset, wanted));
    window_begin_ = offset;
    held = window_->size();
    if (held < wanted) {
      return CorruptData(fmt::format("{} bytes could be read at byte {}; expected {}", held, offset, wanted));
    }
  }
  if (held <= 0) return std::span<const uint8_t>();
  return std::span(window_->data() + (offset - window_begin_), static_cast<size_t>(held));
}

}  // namespace marquet::pq
