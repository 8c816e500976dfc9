#include "marquet/base/hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <xxhash.h>

namespace marquet {
namespace {

std::string Hex128(XXH128_hash_t hash) { return fmt::format("{:016x}{:016x}", hash.high64, hash.low64); }

}  // namespace

struct Xxh3Digest::State {
  State() : xxh(XXH3_createState()) { XXH3_128bits_reset(xxh); }
  ~State() { XXH3_freeState(xxh); }
  XXH3_state_t* xxh;
};

Xxh3Digest::Xxh3Digest() : state_(std::make_unique<State>()) {}
Xxh3Digest::~Xxh3Digest() = default;
Xxh3Digest::Xxh3Digest(Xxh3Digest&&) noexcept = default;
Xxh3Digest& Xxh3Digest::operator=(Xxh3Digest&&) noexcept = default;

void Xxh3Digest::Update(const void* data, int64_t size) {
  XXH3_128bits_update(state_->xxh, data, static_cast<size_t>(size));
}

std::string Xxh3Digest::Hex() const { return Hex128(XXH3_128bits_digest(state_->xxh)); }

std::string Xxh3Hex(std::string_view bytes) { return Hex128(XXH3_128bits(bytes.data(), bytes.size())); }

uint64_t Xxh3Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct Sha256Digest::State {
  State() : context(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context, EVP_sha256(), nullptr); }
  ~State() { EVP_MD_CTX_free(context); }
  EVP_MD_CTX* context;
};

Sha256Digest::Sha256Digest() : state_(std::make_unique<State>()) {}
Sha256Digest::~Sha256Digest() = default;

void Sha256Digest::Update(const void* data, int64_t size) {
  EVP_DigestUpdate(state_->context, data, static_cast<size_t>(size));
}

std::string Sha256Digest::Hex() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(state_->context, bytes, &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

}  // namespace marquet
