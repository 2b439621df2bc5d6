// The two digests over a checkpoint: `state_checksum` as the manifest's format defines it, for those
// who read that format, and ours, which ties manifest and state together.
//
// state_checksum is a SHA-256 in lower-case hex
//   of the state                                     no operator's state stands in the JSON
//   of the inline digest's bytes, that is itself     all states stand in the JSON
//   of the inline digest in hex, then the state      some do
//   of the state, always                             before 2026-05-21, with the same version number
// where the inline digest goes over the operators in byte order of their names: name, 0x00, base64 text,
// 0x00. A manifest that declares any of them is right.
//
// Threads  plain values
#pragma once

#include "content/sha256.hpp"
#include "holdfast/bytes.hpp"

#include <optional>
#include <string>

namespace holdfast::content {
class Upload;
}

namespace holdfast::manifest {

struct StateChecksums {
  std::optional<std::string> current = std::nullopt;  // nullopt: there is no state at all
  std::optional<std::string> older = std::nullopt;

  bool match(const std::string& declared) const { return declared == current || declared == older; }
};

// A state with its SHA-256, which has been computed already.
struct StateView {
  BytesView bytes = {};
  content::Sha256Digest sha256 = {};
  const content::Upload* upload = nullptr;  // has staged it, if there is one
};

StateChecksums state_checksums(const std::optional<content::Sha256Digest>& inline_digest,
                               const std::optional<StateView>& state);

// SHA-256 over the JSON's length (8 bytes, little endian), the JSON, and the state's SHA-256 if there
// is a state. Over the digest rather than the bytes: replacing a manifest must not cost its state.
content::Sha256Digest joint_digest(BytesView json,
                                   const std::optional<content::Sha256Digest>& state_sha256);

}  // namespace holdfast::manifest
