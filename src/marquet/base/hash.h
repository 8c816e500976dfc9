// Digests: XXH3-128 for the integrity of files, SHA-256 for what others publish hashes of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace marquet {

// XXH3 over 128 bits (xxHash 0.8), streamed. Text form: 32 lower-case hexadecimal digits, high half first.
// Not thread safe; distinct objects are independent.
class Xxh3Digest {
 public:
  Xxh3Digest();
  ~Xxh3Digest();
  Xxh3Digest(Xxh3Digest&&) noexcept;
  Xxh3Digest& operator=(Xxh3Digest&&) noexcept;

  void Update(const void* data, int64_t size);
  std::string Hex() const;  // of all bytes so far; more may follow

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Xxh3Hex(std::string_view bytes);
uint64_t Xxh3Hash64(std::string_view bytes, uint64_t seed = 0);

// SHA-256 (FIPS 180-4), streamed; lower-case hexadecimal.
class Sha256Digest {
 public:
  Sha256Digest();
  ~Sha256Digest();
  void Update(const void* data, int64_t size);
  std::string Hex();  // ends the stream

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace marquet
