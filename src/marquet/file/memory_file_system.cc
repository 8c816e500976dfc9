#include "marquet/file/memory_file_system.h"

#include <cerrno>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include <fmt/format.h>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_tally.h"

namespace marquet::file {
namespace {

using NodeId = int64_t;
constexpr NodeId kRoot = 0;
constexpr NodeId kNobody = -1;  // as a target: the name is free

using Entries = std::map<std::string, NodeId>;

using Bytes = std::shared_ptr<std::string>;

// One side of a file or directory: as the process sees it, or as the disk holds it.
struct Content {
  Bytes bytes = std::make_shared<std::string>();
  // Somebody else was given the bytes: a writer copies them first. The pointer's use count would not do,
  // since it says that the others are gone, but not that all they did came before.
  bool shared = false;
  Entries entries;

  Bytes Share() {
    shared = true;
    return bytes;
  }
};

struct Node {
  bool is_directory = false;
  int64_t modified_ms = 0;
  Content seen;
  Content durable;
};

struct NameChange {
  NodeId directory;
  std::string name;
  NodeId target;
};

// Either bytes for a file or changes of names, which happen together.
struct Pending {
  std::string description;
  NodeId file = kNobody;
  int64_t offset = 0;
  std::string bytes;
  std::vector<NameChange> names;

  bool Touches(NodeId directory) const {
    return std::any_of(names.begin(), names.end(),
                       [&](const NameChange& change) { return change.directory == directory; });
  }
};

// What a reader holds: the bytes as they were when it opened the file.
class SharedBytes final : public arrow::Buffer {
 public:
  explicit SharedBytes(Bytes bytes)
      : arrow::Buffer(reinterpret_cast<const uint8_t*>(bytes->data()), static_cast<int64_t>(bytes->size())),
        bytes_(std::move(bytes)) {}

 private:
  const Bytes bytes_;
};

void WriteInto(Content& content, int64_t offset, std::string_view piece) {
  if (content.shared) content.bytes = std::make_shared<std::string>(*content.bytes);
  content.shared = false;
  const size_t end = static_cast<size_t>(offset) + piece.size();
  if (content.bytes->size() < end) content.bytes->resize(end, '\0');
  content.bytes->replace(static_cast<size_t>(offset), piece.size(), piece);
}

void ChangeName(Entries& entries, const NameChange& change) {
  if (change.target == kNobody) {
    entries.erase(change.name);
  } else {
    entries[change.name] = change.target;
  }
}

}  // namespace

struct MemoryFileSystem::Disk {
  mutable std::mutex mutex;
  std::map<NodeId, Node> nodes;
  NodeId next_node = kRoot + 1;
  std::vector<Pending> pending;
  std::set<NodeId> locked;
  int64_t now_ms = 1'700'000'000'000;
  int64_t starts = 0;  // of the machine: what was open before the last one is dead

  Disk() { nodes[kRoot].is_directory = true; }

  // The node of a path, or an errno as a negative number.
  NodeId Find(std::string_view path) const {
    NodeId at = kRoot;
    while (!path.empty()) {
      const size_t slash = std::min(path.find('/'), path.size());
      const std::string_view part = path.substr(0, slash);
      path.remove_prefix(std::min(slash + 1, path.size()));
      if (part.empty() || part == ".") continue;
      if (part == "..") return -EINVAL;
      const Node& node = nodes.at(at);
      if (!node.is_directory) return -ENOTDIR;
      const auto entry = node.seen.entries.find(std::string(part));
      if (entry == node.seen.entries.end()) return -ENOENT;
      at = entry->second;
    }
    return at;
  }

  // The directory that holds, or would hold, a path's last name.
  NodeId FindParent(std::string_view path) const {
    const NodeId parent = Find(ParentPath(path));
    if (parent >= 0 && !nodes.at(parent).is_directory) return -ENOTDIR;
    return parent;
  }

  void Change(std::string description, std::vector<NameChange> names) {
    for (const NameChange& change : names) {
      Node& directory = nodes.at(change.directory);
      ChangeName(directory.seen.entries, change);
      directory.modified_ms = now_ms;
    }
    pending.push_back({std::move(description), kNobody, 0, {}, std::move(names)});
  }

  NodeId Create(const std::string& path, NodeId parent, bool is_directory) {
    const NodeId id = next_node++;
    Node& node = nodes[id];
    node.is_directory = is_directory;
    node.modified_ms = now_ms;
    Change("create " + path, {{parent, FileName(path), id}});
    return id;
  }

  void CarryOut(const Pending& operation) {
    if (operation.file != kNobody) {
      WriteInto(nodes.at(operation.file).durable, operation.offset, operation.bytes);
    }
    for (const NameChange& change : operation.names) {
      ChangeName(nodes.at(change.directory).durable.entries, change);
    }
  }

  template <typename Covered>
  void SyncWhere(Covered covered) {
    for (const Pending& operation : pending) {
      if (covered(operation)) CarryOut(operation);
    }
    pending.erase(std::remove_if(pending.begin(), pending.end(), covered), pending.end());
  }

  FileInfo InfoOf(std::string path, NodeId id) const {
    const Node& node = nodes.at(id);
    FileInfo info;
    info.path = std::move(path);
    info.size = static_cast<int64_t>(node.seen.bytes->size());
    info.modified_ms = node.modified_ms;
    info.is_directory = node.is_directory;
    return info;
  }
};

class MemoryFileSystem::OpenFile final : public WritableFile {
 public:
  OpenFile(std::shared_ptr<Disk> disk, NodeId node, std::string path)
      : disk_(std::move(disk)), node_(node), path_(std::move(path)), start_(disk_->starts) {}

  arrow::Status Append(const void* data, int64_t size) override {
    std::lock_guard lock(disk_->mutex);
    ARROW_RETURN_NOT_OK(CheckAlive("write"));
    if (size == 0) return arrow::Status::OK();
    Node& node = disk_->nodes.at(node_);
    const auto offset = static_cast<int64_t>(node.seen.bytes->size());
    const std::string_view piece(static_cast<const char*>(data), static_cast<size_t>(size));
    WriteInto(node.seen, offset, piece);
    node.modified_ms = disk_->now_ms;
    disk_->pending.push_back({fmt::format("write {} bytes at byte {} of {}", size, offset, path_),
                              node_,
                              offset,
                              std::string(piece),
                              {}});
    return arrow::Status::OK();
  }

  arrow::Status Sync() override {
    std::lock_guard lock(disk_->mutex);
    ARROW_RETURN_NOT_OK(CheckAlive("sync"));
    disk_->SyncWhere([&](const Pending& operation) { return operation.file == node_; });
    return arrow::Status::OK();
  }

  arrow::Status Close() override {
    open_ = false;
    return arrow::Status::OK();
  }

 private:
  arrow::Status CheckAlive(std::string_view operation) const {
    if (!open_) return StorageError(EBADF, operation, path_);
    if (start_ != disk_->starts) return StorageError(EIO, operation, path_);
    return arrow::Status::OK();
  }

  const std::shared_ptr<Disk> disk_;
  const NodeId node_;
  const std::string path_;
  const int64_t start_;
  bool open_ = true;
};

class MemoryFileSystem::HeldLock final : public FileLock {
 public:
  HeldLock(std::shared_ptr<Disk> disk, NodeId node)
      : disk_(std::move(disk)), node_(node), start_(disk_->starts) {}
  ~HeldLock() override {
    std::lock_guard lock(disk_->mutex);
    if (start_ == disk_->starts) disk_->locked.erase(node_);
  }

 private:
  const std::shared_ptr<Disk> disk_;
  const NodeId node_;
  const int64_t start_;
};

MemoryFileSystem::MemoryFileSystem() : disk_(std::make_shared<Disk>()) {}
MemoryFileSystem::~MemoryFileSystem() = default;

int MemoryFileSystem::PendingOperations() const {
  std::lock_guard lock(disk_->mutex);
  return static_cast<int>(disk_->pending.size());
}

std::vector<std::string> MemoryFileSystem::DescribePending() const {
  std::lock_guard lock(disk_->mutex);
  std::vector<std::string> descriptions;
  for (const Pending& operation : disk_->pending) descriptions.push_back(operation.description);
  return descriptions;
}

std::shared_ptr<MemoryFileSystem> MemoryFileSystem::Copy() const {
  auto copy = std::make_shared<MemoryFileSystem>();
  Disk& disk = *copy->disk_;
  std::lock_guard lock(disk_->mutex);
  for (auto& [id, node] : disk_->nodes) node.seen.shared = node.durable.shared = true;
  disk.nodes = disk_->nodes;
  disk.next_node = disk_->next_node;
  disk.pending = disk_->pending;
  disk.now_ms = disk_->now_ms;
  disk.starts = disk_->starts;
  return copy;
}

std::shared_ptr<MemoryFileSystem> MemoryFileSystem::AfterPowerCut(const Surviving& surviving) const {
  CountFault(FaultKind::kPowerCut);
  auto after = Copy();
  Disk& disk = *after->disk_;
  ++disk.starts;
  std::vector<Pending> pending;
  std::swap(pending, disk.pending);

  std::mt19937_64 random(surviving.seed_);
  for (size_t i = 0; i < pending.size(); ++i) {
    Pending& operation = pending[i];
    if (surviving.sector_size_ == 0) {
      if (i < 64 && (surviving.mask_ >> i & 1) != 0) disk.CarryOut(operation);
      continue;
    }
    const uint64_t fate = random() % 3;
    if (fate == 1 || (fate == 2 && operation.file == kNobody)) disk.CarryOut(operation);
    if (fate != 2 || operation.file == kNobody) continue;
    const int64_t end = operation.offset + static_cast<int64_t>(operation.bytes.size());
    for (int64_t from = operation.offset; from < end;) {
      const int64_t to = std::min(end, (from / surviving.sector_size_ + 1) * surviving.sector_size_);
      if (random() % 2 != 0) {
        WriteInto(disk.nodes.at(operation.file).durable, from,
                  std::string_view(operation.bytes)
                      .substr(static_cast<size_t>(from - operation.offset), static_cast<size_t>(to - from)));
      }
      from = to;
    }
  }
  for (auto& [id, node] : disk.nodes) {
    node.durable.shared = true;
    node.seen = node.durable;
  }
  return after;
}

void MemoryFileSystem::PowerCut(const Surviving& surviving) {
  const auto after = AfterPowerCut(surviving);
  std::lock_guard lock(disk_->mutex);
  disk_->nodes = std::move(after->disk_->nodes);
  disk_->starts = after->disk_->starts;
  disk_->pending.clear();
  disk_->locked.clear();
}

void MemoryFileSystem::SetTime(int64_t now_ms) {
  std::lock_guard lock(disk_->mutex);
  disk_->now_ms = now_ms;
}

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> MemoryFileSystem::OpenForReading(
    const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  const NodeId id = disk_->Find(path);
  if (id < 0) return StorageError(static_cast<int>(-id), "open", path);
  Node& node = disk_->nodes.at(id);
  if (node.is_directory) return StorageError(EISDIR, "read", path);
  return std::make_shared<arrow::io::BufferReader>(std::make_shared<SharedBytes>(node.seen.Share()));
}

arrow::Result<FileInfo> MemoryFileSystem::Stat(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  const NodeId id = disk_->Find(path);
  if (id < 0) return StorageError(static_cast<int>(-id), "stat", path);
  return disk_->InfoOf(path, id);
}

arrow::Result<std::vector<FileInfo>> MemoryFileSystem::List(const std::string& directory) {
  std::lock_guard lock(disk_->mutex);
  const NodeId id = disk_->Find(directory);
  if (id < 0) return StorageError(static_cast<int>(-id), "list", directory);
  const Node& node = disk_->nodes.at(id);
  if (!node.is_directory) return StorageError(ENOTDIR, "list", directory);
  std::vector<FileInfo> entries;
  for (const auto& [name, target] : node.seen.entries) entries.push_back(disk_->InfoOf(name, target));
  return entries;
}

arrow::Result<std::unique_ptr<WritableFile>> MemoryFileSystem::CreateNew(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  const NodeId parent = disk_->FindParent(path);
  if (parent < 0) return StorageError(static_cast<int>(-parent), "create", path);
  if (disk_->Find(path) >= 0) return StorageError(EEXIST, "create", path);
  const NodeId id = disk_->Create(path, parent, /*is_directory=*/false);
  return std::make_unique<OpenFile>(disk_, id, path);
}

arrow::Result<std::unique_ptr<WritableFile>> MemoryFileSystem::GoOnWriting(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  const NodeId id = disk_->Find(path);
  if (id < 0) return StorageError(static_cast<int>(-id), "open again", path);
  if (disk_->nodes.at(id).is_directory) return StorageError(EISDIR, "open again", path);
  return std::make_unique<OpenFile>(disk_, id, path);
}

arrow::Status MemoryFileSystem::Publish(const std::string& temporary, const std::string& final_path,
                                        bool replace) {
  std::lock_guard lock(disk_->mutex);
  const NodeId node = disk_->Find(temporary);
  if (node < 0) return StorageError(static_cast<int>(-node), "publish as " + final_path, temporary);
  const NodeId to = disk_->FindParent(final_path);
  if (to < 0) return StorageError(static_cast<int>(-to), "publish", final_path);
  const NodeId taken = disk_->Find(final_path);
  if (taken >= 0 && !replace) return StorageError(EEXIST, "publish", final_path);
  if (taken >= 0 && disk_->nodes.at(taken).is_directory) return StorageError(EISDIR, "publish", final_path);
  const NodeId from = disk_->FindParent(temporary);
  disk_->Change("publish " + final_path,
                {{from, FileName(temporary), kNobody}, {to, FileName(final_path), node}});
  return arrow::Status::OK();
}

arrow::Status MemoryFileSystem::PublishNew(const std::string& temporary, const std::string& final_path) {
  return Publish(temporary, final_path, /*replace=*/false);
}

arrow::Status MemoryFileSystem::PublishReplacing(const std::string& temporary,
                                                 const std::string& final_path) {
  return Publish(temporary, final_path, /*replace=*/true);
}

arrow::Status MemoryFileSystem::SyncDirectory(const std::string& directory) {
  std::lock_guard lock(disk_->mutex);
  const NodeId id = disk_->Find(directory);
  if (id < 0) return StorageError(static_cast<int>(-id), "sync the directory", directory);
  if (!disk_->nodes.at(id).is_directory) return StorageError(ENOTDIR, "sync the directory", directory);
  disk_->SyncWhere([&](const Pending& operation) { return operation.Touches(id); });
  return arrow::Status::OK();
}

arrow::Status MemoryFileSystem::CreateDirectory(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  const NodeId parent = disk_->FindParent(path);
  if (parent < 0) return StorageError(static_cast<int>(-parent), "create the directory", path);
  if (disk_->Find(path) >= 0) return StorageError(EEXIST, "create the directory", path);
  disk_->Create(path, parent, /*is_directory=*/true);
  return arrow::Status::OK();
}

arrow::Status MemoryFileSystem::Remove(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  const NodeId id = disk_->Find(path);
  if (id < 0) return StorageError(static_cast<int>(-id), "remove", path);
  if (id == kRoot) return StorageError(EBUSY, "remove", path);
  if (!disk_->nodes.at(id).seen.entries.empty()) return StorageError(ENOTEMPTY, "remove", path);
  disk_->Change("remove " + path, {{disk_->FindParent(path), FileName(path), kNobody}});
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  NodeId id = disk_->Find(path);
  if (id == -ENOENT) {
    const NodeId parent = disk_->FindParent(path);
    if (parent < 0) return StorageError(static_cast<int>(-parent), "lock", path);
    id = disk_->Create(path, parent, /*is_directory=*/false);
  }
  if (id < 0) return StorageError(static_cast<int>(-id), "lock", path);
  if (!disk_->locked.insert(id).second) return Conflict(path + ": locked by another writer");
  return std::make_unique<HeldLock>(disk_, id);
}

}  // namespace marquet::file
