// Bytes as they come in (borrowed) and go out (owned).
//
// Shape    a payload, key or value is any sequence of bytes; JSON and ids are UTF-8 text
// Threads  plain values
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// An owned buffer: what every read returns.
using Bytes = std::vector<std::byte>;

// Borrowed bytes: what every write takes. It is a std::span<const std::byte> that text converts to as
// well, without its terminating NUL. It borrows: what it was made of must outlive the call.
class BytesView : public std::span<const std::byte> {
 public:
  using std::span<const std::byte>::span;  // NOLINT
  BytesView() = default;
  BytesView(std::span<const std::byte> bytes) : span(bytes) {}               // NOLINT
  BytesView(const Bytes& bytes) : span(bytes.data(), bytes.size()) {}        // NOLINT
  BytesView(std::string_view text) : span(as_bytes(std::span(text))) {}      // NOLINT
  BytesView(const std::string& text) : BytesView(std::string_view(text)) {}  // NOLINT
  BytesView(const char* text) : BytesView(std::string_view(text)) {}         // NOLINT
};

// The same bytes seen as text; nothing is checked or copied.
inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The same bytes, owned.
inline Bytes to_bytes(BytesView bytes) {
  return {bytes.begin(), bytes.end()};
}

// Several payloads for one call: made of a braced list, or of any range whose elements convert to
// BytesView (std::vector<std::string>, std::vector<Bytes>, ...). It borrows, too.
class PayloadList {
 public:
  PayloadList() = default;
  PayloadList(std::initializer_list<BytesView> payloads) : views_(payloads) {}

  template <class Range>
  requires(!std::is_same_v<std::remove_cvref_t<Range>, PayloadList> &&
           requires(const Range& range) { BytesView(*std::begin(range)); })
      PayloadList(const Range& range) {  // NOLINT
    for (const auto& payload : range)
      views_.emplace_back(payload);
  }

  std::size_t size() const { return views_.size(); }
  bool empty() const { return views_.empty(); }
  auto begin() const { return views_.begin(); }
  auto end() const { return views_.end(); }
  const BytesView& operator[](std::size_t index) const { return views_[index]; }

 private:
  std::vector<BytesView> views_;
};

}  // namespace holdfast
