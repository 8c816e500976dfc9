#include "marquet/output/outputs_internal.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace marquet::output {

Output* Outputs::Find(const std::string& name) {
  const auto found = outputs_.find(name);
  return found == outputs_.end() ? nullptr : &found->second;
}

Output& Outputs::Add(const std::string& name, Output output) {
  return outputs_.insert_or_assign(name, std::move(output)).first->second;
}

std::set<std::string> Outputs::Names() const {
  std::set<std::string> names;
  for (const auto& [name, output] : outputs_) names.insert(name);
  return names;
}

std::set<std::string> Outputs::PublishedFiles() const {
  std::set<std::string> files;
  for (const auto& [name, output] : outputs_) {
    if (output.again) continue;
    for (const PublishedFile& file : output.parts->published()) files.insert(file.name);
  }
  return files;
}

arrow::Status Outputs::BoundMemory() {
  int64_t held = 0;
  for (const auto& [name, output] : outputs_) held += output.parts->buffered_bytes();
  // The last quarter is for the rows that are brought, and for what is made of them before this is asked
  // again.
  if (held <= memory_ - memory_ / 4) return arrow::Status::OK();
  // The fullest first, until half of it is free: each row group that ends early makes its file larger.
  std::vector<OutputParts*> fullest;
  for (auto& [name, output] : outputs_) fullest.push_back(output.parts.get());
  std::sort(fullest.begin(), fullest.end(),
            [](const auto* a, const auto* b) { return a->buffered_bytes() > b->buffered_bytes(); });
  for (OutputParts* const parts : fullest) {
    if (held <= memory_ / 2) break;
    held -= parts->buffered_bytes();
    ARROW_RETURN_NOT_OK(parts->Flush());
  }
  return arrow::Status::OK();
}

arrow::Status Outputs::Flush() {
  for (auto& [name, output] : outputs_) ARROW_RETURN_NOT_OK(output.parts->Flush());
  return arrow::Status::OK();
}

arrow::Status Outputs::Decide(const RowSchema& rows) {
  for (auto& [name, output] : outputs_) {
    if (output.again) continue;
    ARROW_RETURN_NOT_OK(output.parts->Decide(rows));
    ARROW_RETURN_NOT_OK(BoundMemory());
  }
  return arrow::Status::OK();
}

arrow::Status Outputs::Abort() {
  arrow::Status first;
  for (auto& [name, output] : outputs_) {
    const arrow::Status aborted = output.parts->Abort();
    if (first.ok()) first = aborted;
  }
  outputs_.clear();
  return first;
}

void Outputs::Release(const std::set<std::string>& names) noexcept {
  for (const std::string& name : names) {
    if (Output* const output = Find(name)) output->parts->Release();
  }
}

void Outputs::TakeBack(const std::set<std::string>& names) noexcept {
  for (const std::string& name : names) {
    if (Output* const output = Find(name)) output->parts->TakeBack();
  }
}

void Outputs::Settle(const std::set<std::string>& names) noexcept {
  for (const std::string& name : names) {
    const auto output = outputs_.find(name);
    if (output != outputs_.end() && !output->second.again) outputs_.erase(output);
  }
}

}  // namespace marquet::output
