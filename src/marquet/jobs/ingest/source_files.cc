#include "marquet/jobs/ingest/source_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <arrow/util/string.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/readable.h"
#include "marquet/base/text.h"
#include "marquet/jobs/ingest/batch_folder.h"

namespace marquet::jobs {
namespace {

bool IsHidden(std::string_view name) { return name.starts_with('.'); }

// One file or directory, whatever names lead to it.
using Identity = std::pair<uint64_t, uint64_t>;

class SourceWalk {
 public:
  SourceWalk(file::FileSystem& fs, FoundSources* found) : fs_(fs), found_(found) {}

  arrow::Status AddNamed(const std::string& path) {
    if (path == "-") {
      if (std::exchange(has_standard_input_, true)) {
        PassOver(path, "named before");
      } else {
        found_->files.emplace_back().path = path;
      }
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(CheckName(path));
    auto found = fs_.Stat(path);
    if (IsKind(found.status(), ErrorKind::kNotFound) && IsTimeOfDay(path)) {
      return WithHint(found.status(), "a time of two words goes into quotes: '2024-03-04 " + path + "'");
    }
    ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, std::move(found));
    if (!info.is_directory) {
      SourceFile source;
      source.path = path;
      // Under one name twice it is two sources, of which the second is known by its bytes.
      const auto before = files_.find({info.device, info.inode});
      if (before == files_.end() || before->second != path) return Add(std::move(source), info);
      found_->files.push_back(std::move(source));
      return arrow::Status::OK();
    }
    const size_t files = found_->files.size();
    const size_t passed_over = found_->passed_over.size();
    const int64_t links = links_;
    if (!IsNew(path, info, &directories_)) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(LookInto(path));
    if (found_->files.size() > files || links_ > links) return arrow::Status::OK();
    const auto others = static_cast<int64_t>(found_->passed_over.size() - passed_over);
    std::string message = path + ": holds no DBN files";
    if (others > 0) {
      const PassedOver& first = found_->passed_over[passed_over];
      message += fmt::format("; {} passed over, {} because it is {}",
                             others == 1 ? "one entry was" : WithCommas(others) + " entries were", first.path,
                             first.why);
    }
    return NotFound(std::move(message),
                    "files named *.dbn and *.dbn.zst are looked for, in folders below it too");
  }

 private:
  // A table is no source, nor is what begins with '.', nor a folder that begins with '_'.
  arrow::Status LookInto(const std::string& directory) {
    ARROW_ASSIGN_OR_RAISE(const auto entries, EntriesOf(directory));
    if (entries.contains(kManifestName)) return LookIntoBatch(directory, entries);
    if (entries.contains("_delta_log")) {
      PassOver(directory, "a table");
      return arrow::Status::OK();
    }
    for (const auto& [name, info] : entries) {
      const std::string path = file::JoinPath(directory, name);
      if (IsHidden(name)) {
        PassOver(path, "hidden");
      } else if (!info) {
        PassOver(path, "a link that leads nowhere");
      } else if (info->is_directory) {
        if (name.starts_with('_')) {
          PassOver(path, "named with a leading '_'");
        } else if (IsNew(path, *info, &directories_)) {
          ARROW_RETURN_NOT_OK(LookInto(path));
        }
      } else if (!IsDbnName(name)) {
        PassOver(path, "not named *.dbn or *.dbn.zst");
      } else {
        SourceFile source;
        source.path = path;
        ARROW_RETURN_NOT_OK(Add(std::move(source), *info));
      }
    }
    return arrow::Status::OK();
  }

  // By name; of a link that leads nowhere, or in a circle, the name alone.
  using Entries = std::map<std::string, std::optional<file::FileInfo>>;
  arrow::Result<Entries> EntriesOf(const std::string& directory) {
    ARROW_ASSIGN_OR_RAISE(auto infos, fs_.List(directory));
    ARROW_ASSIGN_OR_RAISE(auto names, fs_.ListNames(directory));
    Entries entries;
    for (std::string& name : names) entries.emplace(std::move(name), std::nullopt);
    for (file::FileInfo& info : infos) {
      std::string name = info.path;
      entries.insert_or_assign(std::move(name), std::move(info));
    }
    return entries;
  }

  arrow::Status LookIntoBatch(const std::string& directory, const Entries& entries) {
    std::vector<SourceFile> files;
    std::vector<std::string> names;
    ARROW_RETURN_NOT_OK(FindInBatch(fs_, directory, &files, &names));
    const std::set<std::string> known(names.begin(), names.end());
    for (const auto& [name, info] : entries) {
      if (known.contains(name)) continue;
      PassOver(file::JoinPath(directory, name), std::string("not listed in ") + kManifestName);
    }
    for (SourceFile& source : files) {
      ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs_.Stat(source.path));
      ARROW_RETURN_NOT_OK(Add(std::move(source), info));
    }
    return arrow::Status::OK();
  }

  arrow::Status Add(SourceFile source, const file::FileInfo& info) {
    ARROW_RETURN_NOT_OK(CheckName(source.path));
    if (IsNew(source.path, info, &files_)) found_->files.push_back(std::move(source));
    return arrow::Status::OK();
  }

  // False, and passed over, where another name led to it before.
  bool IsNew(const std::string& path, const file::FileInfo& info, std::map<Identity, std::string>* seen) {
    if (info.device == 0 && info.inode == 0) return true;
    const auto [first, is_new] = seen->emplace(Identity{info.device, info.inode}, path);
    if (is_new) return true;
    ++links_;
    PassOver(path, fmt::format("the same as {}", Readable(first->second)));
    return false;
  }

  void PassOver(const std::string& path, std::string why) {
    found_->passed_over.push_back({Readable(path), std::move(why)});
  }

  static arrow::Status CheckName(const std::string& path) {
    if (IsUtf8(path)) return arrow::Status::OK();
    return InvalidInput(fmt::format("the name of the file '{}' is not UTF-8", Readable(path)),
                        "rename it, or give its content on standard input: marquet ingest - < FILE");
  }

  file::FileSystem& fs_;
  FoundSources* const found_;
  std::map<Identity, std::string> files_, directories_;
  bool has_standard_input_ = false;
  int64_t links_ = 0;  // to what was taken before
};

}  // namespace

bool IsTimeOfDay(std::string_view word) {
  const auto digit = [&](size_t at) { return at < word.size() && word[at] >= '0' && word[at] <= '9'; };
  return digit(0) && digit(1) && word.substr(2, 1) == ":" && digit(3) && digit(4) &&
         word.find_first_not_of("0123456789:.+-Z") == std::string_view::npos;
}

bool IsDbnName(std::string_view name) {
  if (IsHidden(name)) return false;
  const std::string lower = arrow::internal::AsciiToLower(name);
  if (lower.ends_with(".dbn") || lower.ends_with(".dbz")) return true;
  if (lower.find(".dbn.") == std::string::npos && lower.find(".dbz.") == std::string::npos) return false;
  constexpr std::string_view kEndings[] = {".frag", ".zst", ".zstd", ".gz", ".xz", ".bz2", ".lz4"};
  return std::any_of(std::begin(kEndings), std::end(kEndings),
                     [&](std::string_view ending) { return lower.ends_with(ending); });
}

arrow::Result<FoundSources> FindSourceFiles(file::FileSystem& fs, const std::vector<std::string>& sources) {
  FoundSources found;
  SourceWalk walk(fs, &found);
  for (const std::string& path : sources) ARROW_RETURN_NOT_OK(walk.AddNamed(path));
  return found;
}

}  // namespace marquet::jobs
