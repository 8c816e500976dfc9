// A list whose copies share what they have in common, so that a snapshot of ten thousand files costs the next
// snapshot a few dozen pointers instead of ten thousand.
//
// Elements lie in chunks that never change once made. Append copies the last chunk at most; Erase copies the
// chunks that lose something. A SharedList is a value: const methods may be called from several threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace marquet::delta {

template <typename T>
class SharedList {
 public:
  using value_type = std::shared_ptr<const T>;
  static constexpr size_t kChunk = 256;  // most elements that an append copies

  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = std::shared_ptr<const T>;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return (*(*chunks_)[chunk_])[place_]; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      ++place_;
      SkipEnds();
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const const_iterator& other) const {
      return chunk_ == other.chunk_ && place_ == other.place_;
    }

   private:
    friend class SharedList;
    using Chunks = std::vector<std::shared_ptr<const std::vector<value_type>>>;
    const_iterator(const Chunks* chunks, size_t chunk) : chunks_(chunks), chunk_(chunk) { SkipEnds(); }
    void SkipEnds() {
      while (chunk_ < chunks_->size() && place_ == (*chunks_)[chunk_]->size()) {
        ++chunk_;
        place_ = 0;
      }
    }
    const Chunks* chunks_ = nullptr;
    size_t chunk_ = 0;
    size_t place_ = 0;
  };
  using iterator = const_iterator;

  const_iterator begin() const { return const_iterator(&chunks_, 0); }
  const_iterator end() const { return const_iterator(&chunks_, chunks_.size()); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const value_type& front() const { return *begin(); }

  // Walks the chunks: meant for tests and samples, not for loops.
  const value_type& operator[](size_t index) const {
    size_t chunk = 0;
    while (index >= chunks_[chunk]->size()) index -= chunks_[chunk++]->size();
    return (*chunks_[chunk])[index];
  }

  // Chunks are numbered from 0; an element keeps its chunk's number as long as it is in the list.
  size_t chunks() const { return chunks_.size(); }
  const std::vector<value_type>& chunk(size_t number) const { return *chunks_[number]; }

  // Adds elements at the end. `placed` is called with each and with the number of its chunk.
  template <typename Placed>
  void Append(std::vector<value_type> elements, Placed&& placed) {
    size_t next = 0;
    while (next < elements.size()) {
      std::vector<value_type> chunk;
      const bool extend = !chunks_.empty() && chunks_.back()->size() < kChunk;
      const size_t kept = extend ? chunks_.back()->size() : 0;
      const size_t taken = std::min(kChunk - kept, elements.size() - next);
      chunk.reserve(kept + taken);
      if (extend) chunk = *chunks_.back();
      const size_t number = extend ? chunks_.size() - 1 : chunks_.size();
      for (size_t i = 0; i < taken; ++i) {
        placed(*elements[next], number);
        chunk.push_back(std::move(elements[next++]));
      }
      auto made = std::make_shared<const std::vector<value_type>>(std::move(chunk));
      if (extend) {
        chunks_.back() = std::move(made);
      } else {
        chunks_.push_back(std::move(made));
      }
    }
    size_ += elements.size();
  }

  // Takes away the elements of one chunk for which `leaves` is true.
  template <typename Leaves>
  void Erase(size_t number, Leaves&& leaves) {
    std::vector<value_type> kept;
    kept.reserve(chunks_[number]->size());
    for (const value_type& element : *chunks_[number]) {
      if (!leaves(*element)) kept.push_back(element);
    }
    size_ -= chunks_[number]->size() - kept.size();
    chunks_[number] = std::make_shared<const std::vector<value_type>>(std::move(kept));
  }

 private:
  typename const_iterator::Chunks chunks_;
  size_t size_ = 0;
};

}  // namespace marquet::delta
