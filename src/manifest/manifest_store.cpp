// What changes a stream; manifest_reader.cpp has what reads it.
#include "content/upload.hpp"
#include "defect.hpp"
#include "engine/arguments.hpp"
#include "engine/lease.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/manifest.hpp"
#include "manifest/manifest_rows.hpp"
#include "manifest/pruning.hpp"
#include "manifest/saving.hpp"
#include "manifest/streams.hpp"

#include <memory>
#include <string>
#include <utility>

namespace holdfast {
namespace {

using engine::Connection;
using manifest::NewManifest;
using manifest::Stream;

constexpr std::size_t kReadBytes = std::size_t{1} << 20;  // of one call of a state's reader

void check_not_zero(std::string_view what, std::uint64_t number) {
  if (number > 0) return;
  throw Error(ErrorCode::invalid_argument, std::string(what) + " is 0");
}

void check_manifest(const engine::Link& link, const Manifest& manifest) {
  check_not_zero("the checkpoint id", manifest.checkpoint_id());
  check_not_zero("the epoch", manifest.epoch());
  link.check_payload(manifest.json().size());
}

NewManifest make_item(const Manifest& manifest, const std::optional<BytesView>& state) {
  return {static_cast<std::int64_t>(manifest.checkpoint_id()),
          manifest.json(),
          manifest::read_fields(manifest.json()),
          state};
}

// The pieces of a state in one; a single one is not copied.
class JoinedState {
 public:
  JoinedState(const engine::Link& link, const PayloadList& pieces) {
    std::size_t bytes = 0;
    for (const BytesView& piece : pieces) {
      bytes += piece.size();
    }
    link.check_payload(bytes);
    if (pieces.size() == 1) view_ = pieces[0];
    if (pieces.size() <= 1) return;
    joined_.reserve(bytes);
    for (const BytesView& piece : pieces) {
      joined_.insert(joined_.end(), piece.begin(), piece.end());
    }
    view_ = joined_;
  }
  JoinedState(const JoinedState&) = delete;
  JoinedState& operator=(const JoinedState&) = delete;
  ~JoinedState() = default;

  BytesView view() const { return view_; }

 private:
  Bytes joined_;
  BytesView view_;
};

Bytes read_all(const engine::Link& link, const ManifestStore::StateReader& reader) {
  Bytes state;
  for (;;) {
    const std::size_t offset = state.size();
    state.resize(offset + kReadBytes);
    const std::size_t bytes = reader(std::span(state).subspan(offset));
    if (bytes > kReadBytes) {
      throw Error(ErrorCode::invalid_argument,
                  "the state's reader says that it wrote more than its buffer holds",
                  {.expected = kReadBytes, .actual = bytes});
    }
    state.resize(offset + bytes);
    if (bytes == 0) return state;
    link.check_payload(state.size());
  }
}

// The state, staged if it is large; null: it is not.
std::unique_ptr<content::Upload> stage(const std::shared_ptr<const engine::Link>& link,
                                       const std::string& stream,
                                       BytesView state) {
  if (!content::is_staged(*link, state.size())) return nullptr;
  auto upload = std::make_unique<content::Upload>(
      link, [&stream](Connection& db) -> std::optional<std::int64_t> {
        const auto known = manifest::find_stream(db, stream);
        return known ? manifest::find_near(db, known->key) : std::nullopt;
      });
  upload->give(state);
  return upload;
}

// One that somebody holds, and this handle's writes do not carry.
bool is_protected(Connection& db, const engine::Link& link, const OrphanOptions& options) {
  if (!options.protecting_lease) return false;
  const auto& fence = link.fence();
  if (fence && fence->lease == *options.protecting_lease) return false;
  const auto lease = engine::find_lease(db, *options.protecting_lease);
  return lease && !lease->holder.empty() && lease->remaining_ms > 0;
}

}  // namespace

ManifestStore::ManifestStore(std::shared_ptr<const engine::Link> link,
                             std::string stream,
                             const ManifestOptions& options)
    : link_(std::move(link)), stream_(std::move(stream)), options_(options) {
  engine::check_stream_name(stream_);
}

SaveOutcome ManifestStore::save(const Manifest& manifest) {
  check_manifest(*link_, manifest);
  return save_item(make_item(manifest, std::nullopt), options_.max_retained);
}

SaveOutcome ManifestStore::save_with_state(const Manifest& manifest, const PayloadList& state) {
  if (state.empty()) return save(manifest);
  check_manifest(*link_, manifest);
  const JoinedState joined(*link_, state);
  return save_item(make_item(manifest, joined.view()), options_.max_retained);
}

SaveOutcome ManifestStore::save_with_read_state(const Manifest& manifest,
                                                const StateReader& state) {
  if (!state) throw Error(ErrorCode::invalid_argument, "the state's reader is empty");
  if (link_->in_transaction()) {
    throw Error(ErrorCode::unsupported, "a state cannot be streamed inside a transaction");
  }
  check_manifest(*link_, manifest);
  const Bytes bytes = read_all(*link_, state);
  return save_item(make_item(manifest, bytes), options_.max_retained);
}

SaveOutcome ManifestStore::save_item(const manifest::NewManifest& item, std::size_t max_retained) {
  if (item.state && planted("state_outside_its_transaction"))
    save_state_data(static_cast<std::uint64_t>(item.id), {item.state->bytes});
  std::size_t bytes = item.json.size() + (item.state ? item.state->bytes.size() : 0);
  const auto upload = item.state ? stage(link_, stream_, item.state->bytes) : nullptr;
  std::optional<NewManifest> staged;
  if (upload) {
    staged = item;
    staged->state->upload = upload.get();
    bytes = item.json.size();
  }
  const SaveOutcome outcome = link_->write(
      [&](Connection& db) {
        const std::int64_t now_us = link_->now_us();
        Stream stream = manifest::open_stream(db, stream_, now_us);
        const SaveOutcome saved = manifest::save(db, stream, staged ? *staged : item, now_us);
        if (saved == SaveOutcome::saved && max_retained > 0) {
          manifest::prune(db, stream, max_retained, item.id);
        }
        return saved;
      },
      bytes);
  if (upload && outcome == SaveOutcome::saved) upload->release();
  return outcome;
}

void ManifestStore::update_manifest(const Manifest& manifest) {
  check_manifest(*link_, manifest);
  const NewManifest item = make_item(manifest, std::nullopt);
  link_->write(
      [&](Connection& db) {
        const auto stream = manifest::find_stream(db, stream_);
        manifest::update(db, stream.value_or(Stream{.name = stream_}), item);
      },
      item.json.size());
}

SaveOutcome ManifestStore::save_state_data(std::uint64_t id, const PayloadList& state) {
  engine::check_number("the checkpoint id", id);
  check_not_zero("the checkpoint id", id);
  if (state.empty()) throw Error(ErrorCode::invalid_argument, "there is no piece of a state");
  const JoinedState joined(*link_, state);
  const auto upload = stage(link_, stream_, joined.view());
  const manifest::StateView view{joined.view(), content::sha256(joined.view()), upload.get()};
  const SaveOutcome outcome = link_->write(
      [&](Connection& db) {
        const std::int64_t now_us = link_->now_us();
        const Stream stream = manifest::open_stream(db, stream_, now_us);
        return manifest::save_orphan(db, stream, static_cast<std::int64_t>(id), view, now_us);
      },
      upload ? 0 : view.bytes.size());
  if (upload && outcome == SaveOutcome::saved) upload->release();
  return outcome;
}

std::size_t ManifestStore::cleanup_orphans(const OrphanOptions& options) {
  if (options.protecting_lease) engine::check_id("lease", *options.protecting_lease);
  return link_->write([&](Connection& db) -> std::size_t {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream || is_protected(db, *link_, options)) return 0;
    const auto orphans = manifest::list_orphans(db, stream->key);
    // The state of a manifest that was lost must not pass for an orphan.
    if (!orphans.empty())
      manifest::require_whole(*stream, manifest::list_ids_descending(db, *stream));
    for (const std::int64_t id : orphans) {
      manifest::remove_state(db, {stream->key, id});
    }
    return orphans.size();
  });
}

std::size_t ManifestStore::prune(std::size_t keep) {
  return link_->write([&](Connection& db) -> std::size_t {
    auto stream = manifest::find_stream(db, stream_);
    return stream ? manifest::prune(db, *stream, keep) : 0;
  });
}

SaveOutcome ManifestStore::import(std::uint64_t id,
                                  std::string_view json,
                                  const std::optional<BytesView>& state) {
  engine::check_number("the checkpoint id", id);
  link_->check_payload(json.size());
  if (state) link_->check_payload(state->size());
  const NewManifest item(static_cast<std::int64_t>(id), json, manifest::find_fields(json), state);
  return save_item(item, 0);  // what is imported is not pruned on its way
}

std::size_t ManifestStore::remove_all() {
  return link_->write([&](Connection& db) -> std::size_t {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream) return 0;
    const auto ids = manifest::list_ids_descending(db, *stream);
    for (const std::int64_t id : ids) {
      manifest::remove_manifest(db, {stream->key, id});
    }
    for (const std::int64_t id : manifest::list_orphans(db, stream->key)) {
      manifest::remove_state(db, {stream->key, id});
    }
    manifest::remove_stream(db, *stream);
    return ids.size();
  });
}

}  // namespace holdfast
