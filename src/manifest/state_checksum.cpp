#include "manifest/state_checksum.hpp"

#include <array>
#include <cstdint>

namespace holdfast::manifest {

StateChecksums state_checksums(const std::optional<content::Sha256Digest>& inline_digest,
                               const std::optional<StateView>& state) {
  StateChecksums checksums;
  if (state) {
    checksums.older = content::to_hex(state->sha256);
    checksums.current = checksums.older;
  }
  if (inline_digest) checksums.current = content::to_hex(*inline_digest);
  if (inline_digest && state) {
    const auto mixed = content::Sha256().update(*checksums.current).update(state->bytes).finish();
    checksums.current = content::to_hex(mixed);
  }
  return checksums;
}

content::Sha256Digest joint_digest(BytesView json,
                                   const std::optional<content::Sha256Digest>& state_sha256) {
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<std::byte>(static_cast<std::uint64_t>(json.size()) >> (8 * i));
  }
  content::Sha256 digest;
  digest.update(BytesView(length)).update(json);
  if (state_sha256) digest.update(BytesView(*state_sha256));
  return digest.finish();
}

}  // namespace holdfast::manifest
