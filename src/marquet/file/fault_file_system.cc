#include "marquet/file/fault_file_system.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <new>
#include <system_error>
#include <thread>

#include "arrow/io/interfaces.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_tally.h"

namespace marquet::file {

struct FaultFileSystem::Plan {
  Fault fault;
  Hook hook;
  Hook after;
  std::atomic<int64_t> operations{0};

  // Numbers the operation and says what is to become of it: an error number, or 0, and the effect it has.
  struct Fate {
    int error_number = 0;
    Fault::Effect effect = Fault::Effect::kWhole;
    Fault::Thrown thrown = Fault::Thrown::kNothing;
    int64_t number = 0;

    bool fails() const { return error_number != 0 || thrown != Fault::Thrown::kNothing; }
    arrow::Status Answer(std::string_view name, const std::string& path) const {
      if (thrown == Fault::Thrown::kBadAlloc) throw std::bad_alloc();
      if (thrown == Fault::Thrown::kSystemError) {
        throw std::system_error(error_number, std::generic_category(), "thrown by a test");
      }
      return fails() ? StorageError(error_number, name, path) : arrow::Status::OK();
    }
  };
  Fate Next(std::string_view name, const std::string& path) {
    const int64_t number = ++operations;
    if (hook) hook(number, name, path);
    if (number == fault.operation) {
      CountFault(fault.thrown == Fault::Thrown::kNothing ? FaultKind::kError : FaultKind::kThrown);
      return {fault.error_number, fault.effect, fault.thrown, number};
    }
    if (fault.lasting && fault.operation > 0 && number > fault.operation) {
      return {fault.error_number, Fault::Effect::kNone, fault.thrown, number};
    }
    return {.number = number};
  }

  // Calls the hook for what comes after an operation at its end, however that comes.
  struct End {
    const Plan& plan;
    int64_t number;
    std::string_view name;
    const std::string& path;
    ~End() {
      if (plan.after) plan.after(number, name, path);
    }
  };

  // Runs `operation` or fails it. Its result is a Status or a Result.
  template <typename Operation>
  auto Run(std::string_view name, const std::string& path, Operation operation) -> decltype(operation()) {
    const Fate fate = Next(name, path);
    const End end{*this, fate.number, name, path};
    if (!fate.fails()) return operation();
    if (fate.effect == Fault::Effect::kWhole) {
      auto result = operation();
      if (!result.ok()) return result;
    }
    return fate.Answer(name, path);
  }
};

class FaultFileSystem::FaultyWritableFile final : public WritableFile {
 public:
  FaultyWritableFile(std::unique_ptr<WritableFile> base, std::shared_ptr<Plan> plan, std::string path)
      : base_(std::move(base)), plan_(std::move(plan)), path_(std::move(path)) {}

  arrow::Status Append(const void* data, int64_t size) override {
    const Plan::Fate fate = plan_->Next("append", path_);
    const Plan::End end{*plan_, fate.number, "append", path_};
    if (fate.effect == Fault::Effect::kWhole) ARROW_RETURN_NOT_OK(base_->Append(data, size));
    if (fate.effect == Fault::Effect::kHalf) ARROW_RETURN_NOT_OK(base_->Append(data, size / 2));
    return fate.Answer("append", path_);
  }
  arrow::Status Sync() override {
    return plan_->Run("sync", path_, [&] { return base_->Sync(); });
  }
  arrow::Status Close() override {
    return plan_->Run("close", path_, [&] { return base_->Close(); });
  }

 private:
  const std::unique_ptr<WritableFile> base_;
  const std::shared_ptr<Plan> plan_;
  const std::string path_;
};

class FaultFileSystem::FaultyReadableFile final : public arrow::io::RandomAccessFile {
 public:
  FaultyReadableFile(std::shared_ptr<arrow::io::RandomAccessFile> base, std::shared_ptr<Plan> plan,
                     std::string path)
      : base_(std::move(base)), plan_(std::move(plan)), path_(std::move(path)) {}

  arrow::Status Close() override { return base_->Close(); }
  bool closed() const override { return base_->closed(); }
  arrow::Result<int64_t> Tell() const override { return base_->Tell(); }
  arrow::Status Seek(int64_t position) override { return base_->Seek(position); }
  arrow::Result<int64_t> GetSize() override { return base_->GetSize(); }

  arrow::Result<int64_t> Read(int64_t nbytes, void* out) override {
    return plan_->Run("read", path_, [&] { return base_->Read(nbytes, out); });
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    return plan_->Run("read", path_, [&] { return base_->Read(nbytes); });
  }
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t nbytes, void* out) override {
    return plan_->Run("read", path_, [&] { return base_->ReadAt(position, nbytes, out); });
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t nbytes) override {
    return plan_->Run("read", path_, [&] { return base_->ReadAt(position, nbytes); });
  }

 private:
  const std::shared_ptr<arrow::io::RandomAccessFile> base_;
  const std::shared_ptr<Plan> plan_;
  const std::string path_;
};

FaultFileSystem::FaultFileSystem(std::shared_ptr<FileSystem> base)
    : base_(std::move(base)), plan_(std::make_shared<Plan>()) {}
FaultFileSystem::~FaultFileSystem() = default;

void FaultFileSystem::FailAt(const Fault& fault) { plan_->fault = fault; }
void FaultFileSystem::OnOperation(Hook hook) { plan_->hook = std::move(hook); }
void FaultFileSystem::AfterOperation(Hook hook) { plan_->after = std::move(hook); }
int64_t FaultFileSystem::operations() const { return plan_->operations; }

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> FaultFileSystem::OpenForReading(
    const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, plan_->Run("open", path, [&] { return base_->OpenForReading(path); }));
  return std::make_shared<FaultyReadableFile>(std::move(file), plan_, path);
}

arrow::Result<FileInfo> FaultFileSystem::Stat(const std::string& path) {
  return plan_->Run("stat", path, [&] { return base_->Stat(path); });
}

arrow::Result<std::vector<FileInfo>> FaultFileSystem::List(const std::string& directory) {
  return plan_->Run("list", directory, [&] { return base_->List(directory); });
}

arrow::Result<std::vector<std::string>> FaultFileSystem::ListNames(const std::string& directory) {
  return plan_->Run("list", directory, [&] { return base_->ListNames(directory); });
}

arrow::Result<std::unique_ptr<WritableFile>> FaultFileSystem::CreateNew(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, plan_->Run("create", path, [&] { return base_->CreateNew(path); }));
  return std::make_unique<FaultyWritableFile>(std::move(file), plan_, path);
}

arrow::Result<std::unique_ptr<WritableFile>> FaultFileSystem::GoOnWriting(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, plan_->Run("open again", path, [&] { return base_->GoOnWriting(path); }));
  return std::make_unique<FaultyWritableFile>(std::move(file), plan_, path);
}

arrow::Status FaultFileSystem::PublishNew(const std::string& temporary, const std::string& final_path) {
  return plan_->Run("publish new", final_path, [&] { return base_->PublishNew(temporary, final_path); });
}

arrow::Status FaultFileSystem::PublishReplacing(const std::string& temporary, const std::string& final_path) {
  return plan_->Run("publish replacing", final_path,
                    [&] { return base_->PublishReplacing(temporary, final_path); });
}

arrow::Status FaultFileSystem::SyncDirectory(const std::string& directory) {
  return plan_->Run("sync the directory", directory, [&] { return base_->SyncDirectory(directory); });
}

arrow::Status FaultFileSystem::CreateDirectory(const std::string& path) {
  return plan_->Run("create the directory", path, [&] { return base_->CreateDirectory(path); });
}

arrow::Status FaultFileSystem::Remove(const std::string& path) {
  return plan_->Run("remove", path, [&] { return base_->Remove(path); });
}

arrow::Result<std::unique_ptr<FileLock>> FaultFileSystem::Lock(const std::string& path) {
  return plan_->Run("lock", path, [&] { return base_->Lock(path); });
}

std::shared_ptr<FileSystem> InterruptAtOperation(std::shared_ptr<FileSystem> base, int64_t n,
                                                 int64_t wait_ms) {
  auto fs = std::make_shared<FaultFileSystem>(std::move(base));
  fs->OnOperation([n, wait_ms](int64_t number, std::string_view, const std::string&) {
    if (number != n) return;
    ::kill(::getpid(), SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  });
  return fs;
}

std::shared_ptr<FileSystem> ThrowAtOperation(std::shared_ptr<FileSystem> base, int64_t n) {
  auto fs = std::make_shared<FaultFileSystem>(std::move(base));
  fs->FailAt({.operation = n, .thrown = Fault::Thrown::kBadAlloc});
  return fs;
}

std::shared_ptr<FileSystem> KillAtOperation(std::shared_ptr<FileSystem> base, int64_t n) {
  auto fs = std::make_shared<FaultFileSystem>(std::move(base));
  fs->OnOperation([n](int64_t number, std::string_view, const std::string&) {
    if (number == n) ::kill(::getpid(), SIGKILL);
  });
  return fs;
}

}  // namespace marquet::file
