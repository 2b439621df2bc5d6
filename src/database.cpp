// The one place that knows all five stores: it hands them out, and nothing else.
#include "holdfast/database.hpp"

#include "checkpoint/checkpoint_table.hpp"
#include "content/removal.hpp"
#include "defect.hpp"
#include "engine/arguments.hpp"
#include "engine/link.hpp"
#include "engine/open_files.hpp"
#include "engine/opening.hpp"
#include "holdfast/error.hpp"
#include "log/log.hpp"

#include <utility>

namespace holdfast {

Database::Database(std::shared_ptr<const engine::Link> link) : link_(std::move(link)) {}

Database::Database(std::shared_ptr<engine::Opening> opening)
    : Database(std::make_shared<const engine::Link>(std::move(opening), std::nullopt)) {
  if (!link_->options().read_only && !planted("removal_not_continued")) free_removed();
}

Database Database::open(const std::string& path, const OpenOptions& options) {
  return Database(engine::OpenFiles::instance().open(path, options));
}

Database Database::in_memory(const OpenOptions& options) {
  return Database(engine::OpenFiles::open_in_memory(options));
}

void Database::close() {
  link_->close();
}

CheckpointStore Database::checkpoints() const {
  return CheckpointStore(link_);
}

SessionStore Database::sessions() const {
  return SessionStore(link_);
}

RunStore Database::runs() const {
  return RunStore(link_);
}

ManifestStore Database::manifests(const IdRef& stream, const ManifestOptions& options) const {
  engine::check_stream_name(stream);
  return ManifestStore(link_, stream.str(), options);
}

StateBackend Database::state(const IdRef& name) const {
  engine::check_id("state", name);
  return StateBackend(link_, name.str());
}

StateBackend Database::state(const IdRef& name, const StateOptions& options) const {
  engine::check_id("state", name);
  return StateBackend(link_, name.str(), options);
}

Leases Database::leases() const {
  return Leases(link_);
}

void Database::commit(const Batch& batch, const TransactOptions& options) {
  link_->commit([&] { batch.run(*this); }, options);
}

Ticket Database::commit_async(Batch batch, const TransactOptions& options) {
  return link_->commit_async([database = Database(link_->borrowed()),
                              batch = std::move(batch)]() mutable { batch.run(database); },
                             options);
}

Database Database::with_fence(Fence fence) const {
  engine::check_id("lease", fence.lease);
  return Database(link_->with_fence(std::move(fence)));
}

Statistics Database::statistics() const {
  return link_->statistics();
}

std::string Database::path() const {
  return link_->path();
}

std::uint64_t Database::max_payload_bytes() const {
  return link_->options().max_payload_bytes;
}

std::string Database::store_id() const {
  return link_->store_id();
}

std::string Database::incarnation() const {
  return link_->incarnation();
}

// What a crash, or a full disk, has left of a prune. A file without any is only read.
void Database::free_removed() const {
  try {
    if (!link_->read([](engine::Connection& db) { return content::has_removals(db); })) return;
  } catch (const Error&) {
    return;  // damaged: `verify` says so, and what is whole can be read
  }
  link_->free_in_slices(&checkpoint::free_slice);
  link_->free_in_slices(&log::free_slice);
}

// The function may assign to this very Database, or destroy it: the link stays until its end.
void Database::run_transaction(const std::function<void()>& body, const TransactOptions& options) {
  const auto link = link_;
  link->transact(body, options);
}

void Database::run_read(const std::function<void()>& body) const {
  const auto link = link_;
  link->read_snapshot(body);
}

}  // namespace holdfast
